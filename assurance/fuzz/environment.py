"""Whatever the settings are: all faults by name, or settings that the parts can be made of. No fault tells a secret."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from assurance.secrets import Scanner
from shared.core.policy import LARGEST_RANGE
from shared.graph.hosts import OUTLOOK_HOSTS, UploadHosts, is_url_text
from shared.intake.mailboxes import AllowedMailboxes
from shared.settings import SETTING_NAMES, Settings, SettingsError, load
from shared.settings.faults import LONGEST_SHOWN
from shared.settings.forms import is_loopback

KEY = "Y2FuYXJ5IG9mIHRoZSBhY2NvdW50J3Mga2V5LCA2NCBieXRlcyBsb25nIGFzIGEgcmVhbCBvbmUgaXMuLi4uLg=="
CONNECTION = f"DefaultEndpointsProtocol=https;AccountName=drops;AccountKey={KEY};EndpointSuffix=core.windows.net"
SECRETS = Scanner([KEY])
WHOLE: dict[str, str] = {"AzureWebJobsStorage": CONNECTION, "DropStorage": CONNECTION}
HOST_JSON = '{"version": "2.0", "functionTimeout": "00:10:00"}'


def check(environ: Mapping[str, str], host_json: str = HOST_JSON) -> Settings | None:
    """AssertionError, or whatever the product raises, where a setting does harm; else the settings, or None."""
    try:
        settings = load(environ, host_json)
    except SettingsError as error:
        _check_faults(error, environ)
        return None
    SECRETS.check(repr(settings), "the settings")
    base = urlsplit(settings.graph_base_url)
    assert is_url_text(settings.graph_base_url)
    assert base.scheme == "https" or (base.scheme == "http" and is_loopback(base.hostname or ""))
    assert 1 <= settings.range_bytes <= LARGEST_RANGE
    assert settings.run_budget_seconds > 0
    assert settings.drop_container != settings.checkpoint_container
    UploadHosts(settings.graph_upload_hosts or OUTLOOK_HOSTS)
    AllowedMailboxes(settings.allowed_mailboxes)
    return settings


def _check_faults(error: SettingsError, environ: Mapping[str, str]) -> None:
    """Each names a setting that there is, or that somebody has set."""
    assert error.faults
    for fault in error.faults:
        name = fault.partition(":")[0]
        assert name in environ or name in SETTING_NAMES or "__" in name or name.endswith("host.json"), fault
    parts = [part.strip() for value in environ.values() for part in value.split(",")]
    if not any(len(part) <= LONGEST_SHOWN and SECRETS.leaks(part) for part in parts):  # no key is that short
        SECRETS.check(str(error), "the error")
