"""`deploy.sh federate`: one multi-tenant application that trusts the identity, made once, repaired when needed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.az import documents
from tests.infra.stand_in import PRINCIPAL_ID, TENANT_ID, AzureStub

if TYPE_CHECKING:
    import subprocess

APPLICATION = "cccccccc-0000-4000-8000-000000000001"
CREDENTIAL = {
    "name": "outlook-attachment-drop-identity",
    "issuer": f"https://login.microsoftonline.com/{TENANT_ID}/v2.0",
    "subject": PRINCIPAL_ID,
    "audiences": ["api://AzureADTokenExchange"],
}


@pytest.fixture
def entra(azure: AzureStub) -> AzureStub:
    return azure


def application(credential: dict[str, Any] | None = None) -> dict[str, Any]:
    """One that is there already."""
    name = "Outlook Attachment Drop (contoso)"
    credentials = [{"id": "1", **credential}] if credential else []
    identity = {"appId": APPLICATION, "id": "dddddddd-0000-4000-8000-000000000001", "displayName": name}
    return {**identity, "signInAudience": "AzureADMultipleOrgs", "credentials": credentials}


def there(entra: AzureStub, *applications: dict[str, Any]) -> None:
    with entra.state() as data:
        data["directories"][TENANT_ID]["apps"] = list(applications)


def federated(entra: AzureStub) -> subprocess.CompletedProcess[str]:
    return entra.run("federate", "contoso")


def given(call: list[str]) -> dict[str, Any]:
    return json.loads(call[call.index("--parameters") + 1])  # type: ignore[no-any-return]


def test_the_application_is_multi_tenant_and_trusts_the_identitys_principal(entra: AzureStub) -> None:
    done = federated(entra)
    assert done.returncode == 0, done.stderr
    (made,) = entra.calls("az", "ad", "app", "create")
    assert made[made.index("--sign-in-audience") + 1] == "AzureADMultipleOrgs"
    (trusted,) = entra.calls("az", "ad", "app", "federated-credential", "create")
    assert given(trusted) == CREDENTIAL
    assert f"param graphAppId = '{APPLICATION}'" in done.stdout


def test_no_secret_is_made(entra: AzureStub) -> None:
    federated(entra)
    assert not [call for call in entra.calls() if "credential" in call and "reset" in call]


def test_a_second_run_changes_nothing(entra: AzureStub) -> None:
    there(entra, application(CREDENTIAL))
    assert federated(entra).returncode == 0
    assert not [call for call in entra.calls() if {"create", "update"} & set(call)]


def test_an_identity_that_was_made_again_is_trusted_again(entra: AzureStub) -> None:
    there(entra, application({**CREDENTIAL, "subject": "gone"}))
    assert federated(entra).returncode == 0
    (repaired,) = entra.calls("az", "ad", "app", "federated-credential", "update")
    assert given(repaired)["subject"] == PRINCIPAL_ID


def test_in_another_cloud_the_issuer_and_audience_are_that_clouds(entra: AzureStub) -> None:
    entra.answers("cloud show", documents.cloud("AzureChinaCloud"))
    assert federated(entra).returncode == 0
    (trusted,) = entra.calls("az", "ad", "app", "federated-credential", "create")
    assert given(trusted)["issuer"] == f"https://login.chinacloudapi.cn/{TENANT_ID}/v2.0"
    assert given(trusted)["audiences"] == ["api://AzureADTokenExchangeChina"]


def test_us_government_is_refused_with_the_reason_written_down(entra: AzureStub) -> None:
    entra.answers("cloud show", documents.cloud("AzureUSGovernment"))
    done = federated(entra)
    assert done.returncode == 1
    assert "AzureUSGovernment is not supported: docs/deploy.md, 'Other clouds', says why." in done.stderr


def test_two_applications_of_that_name_are_left_to_a_person(entra: AzureStub) -> None:
    there(entra, application(), application())
    done = federated(entra)
    assert done.returncode == 1
    assert "give its client id as graphAppId by hand" in done.stderr
