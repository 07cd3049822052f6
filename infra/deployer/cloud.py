"""Which Azure the CLI talks to, and what is called differently there."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .azure import DeployError, run


@dataclass(frozen=True, slots=True)
class Cloud:
    """Addresses without a slash at the end, and names.

    Attributes:
        login: where Microsoft Entra signs in.
        graph: origin of Microsoft Graph.
        audience: what a managed identity's token is asked for when an application is to trust it.
        exchange: `-ExchangeEnvironmentName` of `Connect-ExchangeOnline`.
        app_service: what azure-cli asks a token for when it uploads code.
    """

    login: str
    graph: str
    audience: str
    exchange: str
    app_service: str


CLOUDS = {
    "AzureCloud": Cloud(
        "https://login.microsoftonline.com",
        "https://graph.microsoft.com",
        "api://AzureADTokenExchange",
        "O365Default",
        "https://appservice.azure.com",
    ),
    "AzureChinaCloud": Cloud(
        "https://login.chinacloudapi.cn",
        "https://microsoftgraph.chinacloudapi.cn",
        "api://AzureADTokenExchangeChina",
        "O365China",
        "https://management.core.chinacloudapi.cn/",
    ),
}
"""Sources: "National cloud deployments" of Microsoft Graph, "Workload identity federation", Connect-ExchangeOnline, and
`cloud.py` of azure-cli 2.91 (appServiceResourceId)."""


def current_cloud() -> Cloud:
    """The CLI's cloud. US Government is refused: it has no Flex Consumption, and its Graph no upload sessions."""
    name = json.loads(run("cloud", "show", "--query", "name", "--output", "json"))
    if name not in CLOUDS:
        raise DeployError(f"{name} is not supported: docs/deploy.md, 'Other clouds', says why.")
    return CLOUDS[name]
