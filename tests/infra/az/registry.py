"""What every command of the stand-in shares: its table, the account that is asked for, tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.infra.az import errors
from tests.infra.az.world import World

Asked = dict[str, Any]
"""Option -> its value; a list where several words follow, True for a flag."""

GRAPH = "graph"
APP_SERVICE = "https://appservice.azure.com"
STORAGE = "https://storage.azure.com"
Command = Callable[[World, Asked], Any]
COMMANDS: dict[str, Command] = {}


def command(name: str) -> Callable[[Command], Command]:
    def added(function: Command) -> Command:
        COMMANDS[name] = function
        return function

    return added


def token(world: World, account: dict[str, Any], resource: str) -> None:
    """A token for `resource`, from the cache or with the assertion of the sign-in: that one dies in ten minutes."""
    kept = account.setdefault("tokens", [])
    if resource not in kept:
        if world.data["clock"] > account.get("assertionUntil", float("inf")):
            raise errors.AzError(errors.EXPIRED_ASSERTION)
        kept.append(resource)


def own(world: World, asked: Asked) -> tuple[dict[str, Any], str]:
    """The account of `--subscription` (or the default one), and its subscription's id."""
    account = world.account(asked.get("--subscription"))
    return account, account["id"]


def group_of(world: World, asked: Asked) -> tuple[dict[str, Any], str, str, dict[str, Any]]:
    account, subscription = own(world, asked)
    name = asked["--resource-group"]
    return account, subscription, name, world.group(account, name)


class Printed(str):
    """What a command writes by itself: no `--query` and no `--output` changes it."""

    __slots__ = ()


def tags(words_: Sequence[str] | str | None) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words(words_))


def words(value: Sequence[str] | str | bool | None) -> list[str]:
    """What follows an option, however many words."""
    if not value or value is True:
        return []
    return [value] if isinstance(value, str) else list(value)
