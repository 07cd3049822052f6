"""`federate`: the application that lets the identity reach mailboxes in another tenant.

A managed identity gets tokens of its home tenant only. A multi-tenant application in the SAME home tenant trusts the
identity (a federated credential: no secret, no certificate), and the mailboxes' tenant consents to that application. An
application registered over there could not trust the identity (AADSTS700236).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .azure import DeployError, say
from .cloud import current_cloud

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .azure import Azure
    from .deployment import Deployed

CREDENTIAL = "outlook-attachment-drop-identity"
"""The credential's name: by it a rerun finds what is there. An application takes 20 credentials at most."""

_CREDENTIAL = ("ad", "app", "federated-credential")


def federate(site: Deployed) -> str:
    """Make the application and its credential where they are missing; the application's client id.

    Needs the right to register applications in the home tenant (Application Developer). Grants nothing by itself.
    """
    tenant, cloud, azure = site.tenant, current_cloud(), site.azure
    name = f"Outlook Attachment Drop ({tenant.name})"
    found = azure.ask_as_default("ad", "app", "list", "--filter", f"displayName eq '{name}'", "--query", "[].appId")
    if not isinstance(found, list) or len(found) > 1:
        raise DeployError(f"More than one application is called {name!r}: give its client id as graphAppId by hand.")
    if found:
        application = str(found[0])
    else:
        audience = ("--sign-in-audience", "AzureADMultipleOrgs")
        application = str(
            azure.ask_as_default("ad", "app", "create", "--display-name", name, *audience, "--query", "appId")
        )
        say(f"  made the application {name}")
    credential = {
        "name": CREDENTIAL,
        "issuer": f"{cloud.login}/{tenant.text('azureTenantId')}/v2.0",
        "subject": site.outputs.identity_principal_id,
        "audiences": [cloud.audience],
    }
    _ensure_credential(azure, application, credential)
    return application


def _ensure_credential(azure: Azure, application: str, credential: Mapping[str, object]) -> None:
    listed = azure.ask_as_default(*_CREDENTIAL, "list", "--id", application)
    there = (
        next((entry for entry in listed if entry.get("name") == CREDENTIAL), None) if isinstance(listed, list) else None
    )
    parameters = ("--parameters", json.dumps(credential), "--output", "none")
    if there is None:
        azure.run_as_default(
            "ad", "app", "federated-credential", "create", "--id", application, *parameters, "--output", "none"
        )
        say("  the application trusts the identity")
    elif any(there.get(key) != value for key, value in credential.items()):
        identified = ("--id", application, "--federated-credential-id", str(there["id"]))
        azure.run_as_default(
            "ad", "app", "federated-credential", "update", *identified, *parameters, "--output", "none"
        )
        say("  the application trusts the identity of this deployment again")
