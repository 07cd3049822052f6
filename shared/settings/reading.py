"""From the environment to Settings: every value checked, every fault collected, one error at the end.

A wrong value leaves a stand-in of its type behind until `raise_any` ends the reading; none of them gets out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlsplit

from shared.core.allowance import MailboxBytes
from shared.core.policy import LARGEST_RANGE
from shared.settings import forms
from shared.settings.connection import check_host_storage, read_drop_storage
from shared.settings.faults import Faults
from shared.settings.hostfile import host_file_faults, read_host_file
from shared.settings.model import BlobTriggerSource, SameFile, Settings, SettingsError, SourceOnSuccess
from shared.settings.timeout import default_run_budget, function_timeout

LONGEST_WAIT = 7 * 24 * 3600
"""Seconds: a week, the longest that a storage queue hides a message (Put Message, visibilitytimeout)."""

POISON = "-poison"
LONGEST_QUEUE = 63 - len(POISON)
"""Characters of the queue's name, so that the host's poison queue, `<name>-poison`, has a name too."""

_RESERVED = "azure-webjobs-"  # the Functions host's own containers and queues
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
_WHOLE = re.compile(r"[0-9]{1,12}")
_Choice = TypeVar("_Choice", bound=StrEnum)


def load(environ: Mapping[str, str], host_json_text: str) -> Settings:
    """`read`, with what host.json says of it; the faults of both come in one SettingsError."""
    timeout, prefix, found = None, "", []
    try:
        host = read_host_file(environ, host_json_text)
        prefix = host.route_prefix
        found += host_file_faults(host)
        timeout = function_timeout(environ, host_json_text)
    except SettingsError as error:
        found += error.faults
    if not found:
        return replace(read(environ, timeout), route_prefix=prefix)
    try:
        read(environ, timeout)
    except SettingsError as others:
        found += others.faults
    raise SettingsError(found)


def read(environ: Mapping[str, str], function_timeout: float | None) -> Settings:
    """The settings in `environ`; `function_timeout` is the host's, in seconds, None where it sets none.

    Raises SettingsError naming every fault: what is wrong, and what is allowed. No message holds a secret.
    """
    faults = Faults(environ)
    check_host_storage(faults)
    drop_storage = read_drop_storage(faults)
    drop, checkpoints = _container(faults, "DROP_CONTAINER"), _container(faults, "CHECKPOINT_CONTAINER")
    if drop == checkpoints:
        faults.add("CHECKPOINT_CONTAINER", "must differ from DROP_CONTAINER, or each checkpoint would count as a file")
    base_url = _base_url(faults)
    settings = Settings(
        drop_storage=drop_storage,
        drop_container=drop,
        checkpoint_container=checkpoints,
        transfer_queue=_transfer_queue(faults),
        blob_trigger_source=_trigger_source(faults),
        graph_base_url=base_url,
        graph_scope=_scope(faults, base_url),
        graph_client_id=_guid(faults, "GRAPH_CLIENT_ID"),
        has_managed_identity=faults.text("IDENTITY_ENDPOINT") is not None,
        graph_upload_hosts=_upload_hosts(faults),
        allowed_mailboxes=_mailboxes(faults),
        range_bytes=_range_bytes(faults),
        run_budget_seconds=_run_budget(faults, function_timeout),
        target_wait_seconds=_wait(faults, "TARGET_WAIT_SECONDS"),
        access_wait_seconds=_wait(faults, "ACCESS_WAIT_SECONDS"),
        source_on_success=_choice(faults, "SOURCE_ON_SUCCESS", SourceOnSuccess),
        same_file=_choice(faults, "SAME_FILE", SameFile),
        mailbox_bytes=_choice(faults, "MAILBOX_BYTES", MailboxBytes),
        outcome_queue=_outcome_queue(faults),
        graph_tenant_id=_tenant(faults),
        graph_app_id=_guid(faults, "GRAPH_APP_ID"),
    )
    _check_other_tenant(faults, settings)
    faults.raise_any()
    return settings


def _container(faults: Faults, name: str) -> str:
    return _storage_name(faults, name, faults.text(name) or "")


def _storage_name(faults: Faults, name: str, text: str) -> str:
    if not forms.is_storage_name(text):
        faults.refuse(name, "must be 3 to 63 lower-case letters, digits and single inner hyphens", text)
    elif text.startswith(_RESERVED):
        faults.refuse(name, f"must not begin with {_RESERVED}, which the Functions host keeps for itself", text)
    return text


def _transfer_queue(faults: Faults) -> str:
    text = _storage_name(faults, "TRANSFER_QUEUE", faults.text("TRANSFER_QUEUE") or "")
    if len(text) > LONGEST_QUEUE or text.endswith(POISON):
        allowed = f"must have at most {LONGEST_QUEUE} characters and not end in {POISON}: the host needs <name>{POISON}"
        faults.refuse("TRANSFER_QUEUE", allowed, text)
    return text


def _outcome_queue(faults: Faults) -> str | None:
    text = faults.text("OUTCOME_QUEUE")
    if text is None:
        return None
    work = faults.text("TRANSFER_QUEUE")
    if text in {work, f"{work}{POISON}", f"webjobs-blobtrigger{POISON}"}:
        faults.refuse("OUTCOME_QUEUE", "must be a queue of its own, which no trigger of this app reads", text)
    return _storage_name(faults, "OUTCOME_QUEUE", text)


def _trigger_source(faults: Faults) -> BlobTriggerSource:
    source = _choice(faults, "BLOB_TRIGGER_SOURCE", BlobTriggerSource)
    # The host knows its plan by this variable too (azure-functions-host, EnvironmentExtensions.cs).
    on_flex = (faults.text("WEBSITE_SKU") or "").lower() == "flexconsumption"
    if on_flex and source is BlobTriggerSource.SCAN:
        faults.add("BLOB_TRIGGER_SOURCE", "must be EventGrid on Flex Consumption: that plan does not poll containers")
    return source


def _choice(faults: Faults, name: str, choices: type[_Choice]) -> _Choice:
    text = faults.text(name) or ""
    for choice in choices:
        if choice.value.lower() == text.lower():
            return choice
    faults.refuse(name, f"must be {' or '.join(choices)}", text)
    return next(iter(choices))


def _base_url(faults: Faults) -> str:
    """The origin may be http on loopback only: the app's token goes there."""
    text = (faults.text("GRAPH_BASE_URL") or "").rstrip("/")
    try:
        parts = urlsplit(text)
        host, has_port = parts.hostname or "", parts.port != 0
    except ValueError:
        parts, host, has_port = urlsplit(""), "", False
    problem = None
    if not re.fullmatch(r"[!-~]+", text) or not host or not has_port or "@" in parts.netloc:
        problem = "must be an address such as https://graph.microsoft.com/v1.0"
    elif parts.scheme != "https" and not (parts.scheme == "http" and forms.is_loopback(host)):
        problem = "must begin with https:// (http:// on loopback only)"
    elif parts.query or parts.fragment or not parts.path.endswith(("/v1.0", "/beta")):
        problem = "must end with /v1.0 or /beta"
    if problem:
        faults.refuse("GRAPH_BASE_URL", problem, text)
    return text


def _scope(faults: Faults, base_url: str) -> str:
    text = faults.text("GRAPH_SCOPE")
    if text is None:
        return "/".join([*base_url.split("/")[:3], ".default"])
    if not re.fullmatch(r"[!-+\--~]+/\.default", text):
        faults.refuse("GRAPH_SCOPE", "must be one scope such as https://graph.microsoft.com/.default", text)
    return text


def _guid(faults: Faults, name: str) -> str | None:
    text = faults.text(name)
    if text is not None and not forms.is_guid(text):
        faults.refuse(name, "must be a GUID", text)
    return text


def _tenant(faults: Faults) -> str | None:
    text = faults.text("GRAPH_TENANT_ID")
    if text is not None and not forms.is_guid(text) and not forms.is_domain(text):
        faults.refuse("GRAPH_TENANT_ID", "must be a GUID or a domain of the tenant", text)
    return text


def _check_other_tenant(faults: Faults, settings: Settings) -> None:
    given = {"GRAPH_TENANT_ID": settings.graph_tenant_id, "GRAPH_APP_ID": settings.graph_app_id}
    missing = [name for name, value in given.items() if value is None]
    if len(missing) == 1:
        faults.add(missing[0], "is missing: GRAPH_TENANT_ID and GRAPH_APP_ID only work together")
    if not missing and settings.has_managed_identity and settings.graph_client_id is None:
        # Entra lets an app trust user-assigned identities only.
        faults.add("GRAPH_CLIENT_ID", "is missing: mailboxes of another tenant need a user-assigned identity")


def _items(faults: Faults, name: str) -> tuple[str, ...]:
    """The parts of a comma list, blanks around them dropped, empty ones too."""
    return tuple(part.strip() for part in (faults.text(name) or "").split(",") if part.strip())


def _upload_hosts(faults: Faults) -> tuple[str, ...] | None:
    name = "GRAPH_UPLOAD_HOSTS"
    if faults.text(name) is None:
        return None
    hosts = _items(faults, name)
    if not hosts:
        faults.add(name, "names no host")
    for text in hosts:
        host, colon, port = text.partition(":")
        has_port = bool(_WHOLE.fullmatch(port)) and 1 <= int(port) <= 65535  # noqa: PLR2004 - the range of TCP ports
        if not forms.is_host(host) or (colon and not has_port):
            faults.refuse(name, "must list host names, each with or without :port", text)
    return tuple(dict.fromkeys(host.lower() for host in hosts))


def _mailboxes(faults: Faults) -> tuple[str, ...]:
    name = "ALLOWED_MAILBOXES"
    mailboxes = _items(faults, name)
    if faults.text(name) is not None and not mailboxes:
        faults.add(name, "names no mailbox, which would allow every mailbox; remove it if that is meant")
    for text in mailboxes:
        if not (forms.is_guid(text) or forms.is_address(text) or (text[0] == "@" and forms.is_domain(text[1:]))):
            faults.refuse(name, "must list addresses, object ids (GUIDs) or @domains", text)
    return mailboxes


def _range_bytes(faults: Faults) -> int:
    text = faults.text("RANGE_BYTES") or ""
    value = int(text) if _WHOLE.fullmatch(text) else 0
    if not 1 <= value <= LARGEST_RANGE:
        faults.refuse("RANGE_BYTES", f"must be a whole number of bytes, 1 to {LARGEST_RANGE}", text)
    return value


def _wait(faults: Faults, name: str) -> float:
    text = faults.text(name) or ""
    value = float(text) if _NUMBER.fullmatch(text) else -1.0
    if not 0 <= value <= LONGEST_WAIT:
        faults.refuse(name, f"must be seconds, 0 to {LONGEST_WAIT}", text)
    return value


def _run_budget(faults: Faults, function_timeout: float | None) -> float:
    text = faults.text("RUN_BUDGET_SECONDS")
    if text is None:
        return default_run_budget(function_timeout)
    value = float(text) if _NUMBER.fullmatch(text) else 0.0
    if value <= 0:
        faults.refuse("RUN_BUDGET_SECONDS", "must be seconds above 0", text)
    elif function_timeout is not None and value >= function_timeout:
        allowed = f"must be below the host's functionTimeout ({function_timeout:g} seconds), which kills the worker"
        faults.refuse("RUN_BUDGET_SECONDS", allowed, text)
    return value
