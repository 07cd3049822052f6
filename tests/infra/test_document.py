"""docs/deploy.md: its tables are the templates' own, and what it tells people to type exists."""

from __future__ import annotations

import json
import re

import pytest

from infra.deployer.__main__ import COMMANDS
from infra.deployer.cost import PRICES
from infra.deployer.deployment import INFRASTRUCTURE
from shared.core.errors import Code
from tests.infra import bicep
from tests.infra.documents import DOCUMENT, rendered
from tests.infra.roles import ROLES

text = DOCUMENT.read_text(encoding="utf-8")
root = bicep.INFRA.parent


def test_its_tables_are_what_the_templates_say() -> None:
    assert rendered(text) == text, "python -m tests.infra.documents writes them anew"


def test_permissions_come_first() -> None:
    assert re.findall(r"^## (.*)$", text, re.MULTILINE)[0] == "Who needs which rights"


@pytest.mark.parametrize("command", sorted(set(re.findall(r"infra/deploy\.sh ([a-z][a-z-]*)", text))))
def test_a_command_that_it_names_exists(command: str) -> None:
    assert command in COMMANDS


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
    assert name in {code.value for code in Code} | variables


def test_every_parameter_that_it_names_exists() -> None:
    parameters = bicep.main().parameters.keys()
    named = set(re.findall(r"`([a-z]+[A-Z]\w+)(?: = '[^']*')?`", text))
    assert named <= parameters | {"messageid", "addAndWrite", "functionName"}


def test_the_sentence_about_free_grants_quotes_the_prices_file() -> None:
    meters = json.loads(PRICES.read_text(encoding="utf-8"))["meters"]
    seconds, logs = meters["functions-gb-seconds"]["free_per_month"], meters["log-gb"]["free_per_month"]
    assert f"({seconds:,} GB-seconds, {logs} GB of logs a month)" in " ".join(text.split())


def test_the_deployers_condition_names_exactly_the_roles_that_are_assigned() -> None:
    condition = (bicep.INFRA / "deployer-condition.txt").read_text(encoding="utf-8")
    lists = re.findall(r"GuidEquals \{(.*)\}", condition)
    wanted = {*ROLES, "{dropperRole}"}  # the deployment's own; `infra/deploy.sh condition` fills it in
    assert [set(ids.split(", ")) for ids in lists] == [wanted, wanted]
    assert condition.count("(") == condition.count(")")


def test_the_number_of_checks_that_verify_makes_is_the_one_it_tells() -> None:
    source = (bicep.INFRA / "deployer" / "verify.py").read_text(encoding="utf-8")
    assert source.count("lambda: _") == 9
    assert "Nine times `ok`" in text


def test_the_number_of_alert_rules_is_the_one_it_tells() -> None:
    assert len(bicep.module("alerts").variables["rules"]) == 8
    assert "the eight alert rules" in " ".join(text.split())


def test_its_deployments_do_not_collide_with_azds() -> None:
    assert INFRASTRUCTURE.startswith("attachdrop-")  # azd names its own after the environment


@pytest.mark.parametrize("anchor", re.findall(r"\]\(#([a-z-]+)\)", text))
def test_a_link_within_it_leads_somewhere(anchor: str) -> None:
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    assert anchor in {re.sub(r"[^a-z -]", "", heading.lower()).replace(" ", "-") for heading in headings}
