"""The Azure CLI as this tool uses it: one subscription, JSON answers, and waiting for what needs time.

Azure is eventually consistent: a role that was granted is not in force yet, a host that was deployed has not started
yet. `patiently` tries again while the error is one of those, and says at each turn what it waits for.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Answer = TypeVar("Answer")

_LONGEST_QUOTE = 600
"""Characters of an error that are repeated to a person; Azure's nested deployment errors run to pages."""

_KEY = re.compile(r"code=[^&\s\"']+")
"""A function key inside an address: Event Grid repeats the webhook's address when its handshake fails."""


class DeployError(Exception):
    """The message is meant for the operator: what failed, and what to do about it."""


class CommandError(DeployError):
    """`az` ended with an error; `text` is all that it said."""

    def __init__(self, command: str, text: str) -> None:
        self.text = _KEY.sub("code=...", text)
        super().__init__(f"az {command} failed:\n{self.text[-_LONGEST_QUOTE:].strip()}")


class NotYetError(DeployError):
    """What was asked for is not there yet; trying again may help."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait.

    Attributes:
        between: seconds between two tries.
        patience: seconds after which a wait is given up.
    """

    between: float = 10
    patience: float = 900


@dataclass(frozen=True, slots=True)
class Azure:
    """`az`, bound to one subscription.

    Attributes:
        subscription: id that every command gets; the CLI's own default is never changed.
        tenant: id of the Microsoft Entra tenant that owns the subscription.
        pace: how the waits go.
    """

    subscription: str
    tenant: str
    pace: Pace

    def run(self, *arguments: str, show: bool = False) -> str:
        """What the command printed. `show` lets a person read along instead. `CommandError` when it fails."""
        return run(*arguments, "--subscription", self.subscription, show=show)

    def ask(self, *arguments: str) -> object:
        """The command's answer, read as JSON; None when it printed nothing."""
        return _read(self.run(*arguments, "--output", "json"))

    def run_as_default(self, *arguments: str) -> str:
        """What a command printed that follows the CLI's default account, whatever `--subscription` says.

        That is every `az ad`, `az rest` to anything but Azure Resource Manager, and the upload of code (azure-cli 2.91,
        `get_raw_token` and `get_login_credentials` without a subscription). Refused where that account is another
        tenant's: what is meant for this tenant would be done in that one.
        """
        self.need_default_account()
        return run(*arguments)

    def ask_as_default(self, *arguments: str) -> object:
        """The same command's answer, read as JSON; None when it printed nothing."""
        return _read(self.run_as_default(*arguments, "--output", "json"))

    def need_default_account(self) -> None:
        """`DeployError` unless the CLI's default account is in this tenant."""
        found = _read(run("account", "show", "--query", "tenantId", "--output", "json"))
        if found != self.tenant:
            raise DeployError(
                f"az's default account is in tenant {found}, and this deployment belongs to {self.tenant}. Code and "
                "whatever concerns Microsoft Entra follow the default account. Make this one the default:\n"
                f"  az account set --subscription {self.subscription}\n"
                "or keep the accounts of each tenant in a folder of its own, and name it before every command:\n"
                f"  export AZURE_CONFIG_DIR=~/.azure-{self.tenant}; az login --tenant {self.tenant}"
            )

    def patiently(
        self,
        what: str,
        attempt: Callable[[], Answer],
        transient: Sequence[str],
        tell: Callable[[str], None] | None = None,
    ) -> Answer:
        """The first answer of `attempt`. `tell` takes the lines that say what is waited for; `say` without it.

        A `NotYetError`, or a `CommandError` whose text has one of the `transient` phrases (ignoring case), is waited
        out until the patience ends; then a `DeployError` says what was waited for. Every other error comes out as is.
        """
        began = time.monotonic()
        while True:
            try:
                return attempt()
            except (NotYetError, CommandError) as error:
                waited = time.monotonic() - began
                phrase = transient_phrase(error, transient)
                if phrase is None:
                    raise
                if waited + self.pace.between > self.pace.patience:
                    raise DeployError(
                        f"Gave up waiting for {what} after {waited:.0f} s. Last answer: {error}"
                    ) from error
                (tell or say)(f"  waiting for {what}: {phrase}")
                time.sleep(self.pace.between)


def _read(text: str) -> object:
    return json.loads(text) if text.strip() else None


def transient_phrase(error: DeployError, transient: Sequence[str]) -> str | None:
    """Why the error may pass, in a few words; None when it will not."""
    if isinstance(error, NotYetError):
        return str(error)
    text = error.text if isinstance(error, CommandError) else ""
    return next((phrase for phrase in transient if _stands_in(phrase, text)), None)


def _stands_in(phrase: str, text: str) -> bool:
    """Whether the text has the phrase at the start of a word; a number has to be the whole word, not part of an id."""
    end = r"(?![0-9A-Za-z])" if phrase.isdigit() else ""
    return re.search(rf"(?<![0-9A-Za-z]){re.escape(phrase)}{end}", text, re.IGNORECASE) is not None


def run(*arguments: str, show: bool = False, program: str = "az") -> str:
    """Run `program`; its standard output. Secrets are never among the arguments: the process list is public."""
    found = shutil.which(program)
    if found is None:
        raise DeployError(f"{program} is not on the PATH: install it first (docs/deploy.md says which version).")
    output = None if show else subprocess.PIPE
    done = subprocess.run([found, *arguments], check=False, text=True, stdout=output, stderr=subprocess.PIPE)
    if done.returncode:
        raise CommandError(" ".join(arguments[:4]), done.stderr or done.stdout or f"exit code {done.returncode}")
    return done.stdout or ""


def say(line: str) -> None:
    """One line for the person who watches."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def say_aside(line: str) -> None:
    """One line that is not part of the answer: what is printed may be read by a program."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
