"""docs/deploy.md: its tables are the templates' own, and what it tells people to type exists."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from infra.deployer.__main__ import COMMANDS
from infra.deployer.deployment import INFRASTRUCTURE
from shared.core.errors import Code
from tests.infra import bicep, compiler
from tests.infra.az.program import SIGNATURES, parsed
from tests.infra.az.signatures import COMMANDS as READ
from tests.infra.documents import DOCUMENT, rendered
from tests.infra.roles import ROLES
from tests.infra.site import app_settings

text = DOCUMENT.read_text(encoding="utf-8")
root = bicep.INFRA.parent


def test_its_tables_are_what_the_templates_say() -> None:
    assert rendered(text) == text, "python -m tests.infra.documents writes them anew"


def test_permissions_come_first() -> None:
    assert re.findall(r"^## (.*)$", text, re.MULTILINE)[0] == "Who needs which rights"


@pytest.mark.parametrize("command", sorted(set(re.findall(r"infra/deploy\.sh ([a-z][a-z-]*)", text))))
def test_a_command_that_it_names_exists(command: str) -> None:
    assert command in COMMANDS


def shell_blocks() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def az_commands() -> list[str]:
    """Every `az` command that the document tells people to type, as one line."""
    blocks = "\n".join(shell_blocks()).replace("\\\n", " ")
    blocks = re.sub(r'"\$\((?!az ).*?\)"(?=\s|$)', "value", blocks)  # what another program puts in
    blocks = re.sub(r"'[^']*'", lambda quoted: quoted.group().replace("\n", " "), blocks)
    found = re.findall(r"(?:^|\$\(|; )(az [^|\n]*?)(?=\)$|$)", blocks, re.MULTILINE)
    return [one for one in found if not one.startswith(("az login", "az bicep"))]


@pytest.mark.parametrize("command", az_commands())
def test_a_command_that_it_tells_people_to_type_has_options_that_azure_cli_knows(command: str) -> None:
    words = shlex.split(re.sub(r"<[a-z ]+>", "value", command))[1:]
    name = max((one for one in SIGNATURES if words[: len(one.split())] == one.split()), key=len, default="")
    assert name, command
    parsed(name, words[len(name.split()) :])


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`(az [^`]*)`", text))))
def test_a_command_within_the_text_exists(command: str) -> None:
    """The blocks are run as a whole: test_document_run.py."""
    words = re.sub(r"<[^>]*>", "value", command).split()[1:]
    name = max((one for one in SIGNATURES if words[: len(one.split())] == one.split()), key=len, default="")
    assert name, command
    if given := words[len(name.split()) :]:
        parsed(name, given)


def test_the_compiler_and_the_cli_that_it_names_are_the_ones_of_the_tests() -> None:
    assert f"azure-cli {json.loads(READ.read_text(encoding='utf-8'))['azure-cli'].rpartition('.')[0]}" in text
    if compiler.BICEP:
        version = re.search(r"\d+\.\d+\.\d+", compiler.bicep("--version").stdout)
        assert version
        assert tuple(map(int, version.group().split("."))) >= (0, 44, 1)


def test_every_command_is_told_about() -> None:
    told = set(re.findall(r"infra/deploy\.sh ([a-z][a-z-]*)", text))
    assert COMMANDS.keys() - told == {"tenants"}  # for the workflows


@pytest.mark.parametrize("path", sorted(set(re.findall(r"(?:infra|docs)/[\w./-]+\.\w+", text))))
def test_a_file_that_it_names_exists(path: str) -> None:
    if path != "infra/tenants/contoso.bicepparam":  # the reader's own
        assert (root / path).is_file()


@pytest.mark.parametrize("name", sorted({name for name in re.findall(r"`([A-Z][A-Z_]+[A-Z])`", text) if "_" in name}))
def test_a_code_or_variable_that_it_names_exists(name: str) -> None:
    variables = {"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID"}
    settings = app_settings("everything")
    assert name in {code.value for code in Code} | variables | settings.keys()


def test_every_parameter_that_it_names_exists() -> None:
    parameters = bicep.main().parameters.keys()
    named = set(re.findall(r"`([a-z]+[A-Z]\w+)(?: = '[^']*')?`", text))
    assert named <= parameters | {"messageid", "addAndWrite", "functionName"}


def test_the_deployers_condition_names_exactly_the_roles_that_are_assigned() -> None:
    condition = (bicep.INFRA / "deployer-condition.txt").read_text(encoding="utf-8")
    lists = re.findall(r"GuidEquals \{(.*)\}", condition)
    wanted = {*ROLES, "{uploaderRole}"}  # the deployment's own; `infra/deploy.sh condition` fills it in
    assert [set(ids.split(", ")) for ids in lists] == [wanted, wanted]
    assert condition.count("(") == condition.count(")")


def test_the_number_of_checks_that_verify_makes_is_the_one_it_tells() -> None:
    source = (bicep.INFRA / "deployer" / "verify.py").read_text(encoding="utf-8")
    assert source.count("lambda: _") == 9
    assert "Nine times `ok`" in text


def test_the_number_of_alert_rules_is_the_one_it_tells() -> None:
    assert len(compiler.of_type("example", "Microsoft.Insights/scheduledQueryRules")) == 8
    assert "the eight alert rules" in " ".join(text.split())


def test_its_deployments_do_not_collide_with_azds() -> None:
    assert INFRASTRUCTURE.startswith("attachdrop-")  # azd names its own after the environment


@pytest.mark.parametrize("anchor", re.findall(r"\]\(#([a-z-]+)\)", text))
def test_a_link_within_it_leads_somewhere(anchor: str) -> None:
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    assert anchor in {re.sub(r"[^a-z -]", "", heading.lower()).replace(" ", "-") for heading in headings}
