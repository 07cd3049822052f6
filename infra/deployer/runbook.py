"""The mailbox runbook: PowerShell for the Exchange administrator, with this deployment's ids filled in.

Mailbox rights are not part of the deployment. Exchange's own scoped roles (RBAC for Applications) reach the mailboxes
of one group; the application roles that Azure could grant would reach every mailbox of the tenant.
"""

from __future__ import annotations

import string
from pathlib import Path
from typing import TYPE_CHECKING

from .cloud import current_cloud
from .deployment import BUILD

if TYPE_CHECKING:
    from .cloud import Cloud
    from .deployment import Deployed

TEMPLATE = Path(__file__).with_name("mailbox-access.ps1.template")

_OTHER_TENANT = """
# The mailboxes are in another tenant than the app's identity. An administrator of THIS tenant consents first, which
# makes the enterprise application here (choose an account of this tenant):
#   {login}/{tenant_id}/adminconsent?client_id={client_id}
# The consent asks for no mailbox right; leave it so. Then give the enterprise application's object id, found in
# Microsoft Entra under Enterprise applications (not under App registrations):
if ($ObjectId -notmatch '^[0-9a-fA-F-]{{36}}$') {{
    throw 'That is not an object id: nothing was changed.'
}}
"""


class _Filled(string.Template):
    delimiter = "%%"


def runbook(site: Deployed, cloud: Cloud) -> str:
    """The script's text. Whoever runs it needs no access to the deployment, and learns no secret from it."""
    tenant, known = site.tenant, site.outputs
    application = tenant.text("graphAppId")
    facts = {
        "tenant": tenant.name,
        "exchange_environment": cloud.exchange,
        "client_id": application or known.identity_client_id,
        "scope_group": _quoted(tenant.text("mailboxScopeGroup")),
        "reachable": _quoted(tenant.text("reachableMailbox")),
        "refused": _quoted(tenant.text("refusedMailbox")),
    }
    if application:
        other = tenant.text("graphTenantId")
        facts["mailbox_tenant_words"] = f"tenant {other}, where the mailboxes are"
        facts["object_id_words"] = "made by the consent in the mailboxes' tenant"
        facts["object_id_value"] = "Read-Host 'Object id of the enterprise application in this tenant'"
        facts["object_id_check"] = _OTHER_TENANT.format(login=cloud.login, tenant_id=other, client_id=application)
    else:
        facts["mailbox_tenant_words"] = f"tenant {tenant.text('azureTenantId')}"
        facts["object_id_words"] = known.identity_principal_id
        facts["object_id_value"] = f"'{known.identity_principal_id}'"
        facts["object_id_check"] = ""
    return _Filled(TEMPLATE.read_text(encoding="utf-8")).substitute(facts)


def write_runbook(site: Deployed) -> Path:
    """Write the script to build/; its path. A byte order mark keeps Windows PowerShell from guessing the encoding."""
    path = BUILD / f"{site.tenant.name}-mailbox-access.ps1"
    path.parent.mkdir(exist_ok=True)
    path.write_text(runbook(site, current_cloud()), encoding="utf-8-sig")
    return path


def _quoted(text: str) -> str:
    """Text as it stands inside PowerShell's single quotes; typographic quotes close them as well."""
    return "".join(mark * 2 if mark in "'\u2018\u2019\u201a\u201b" else mark for mark in text)
