"""From the environment to Settings: every value read as the table says, every fault collected, one error at the end.

What one value allows stands beside its name in `shared/settings/table.py`; here stands what two of them say together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shared.settings import table
from shared.settings.connection import check_host_storage, read_drop_storage
from shared.settings.faults import Faults
from shared.settings.hostfile import host_file_faults, read_host_file
from shared.settings.model import BlobTriggerSource, Settings, SettingsError
from shared.settings.parsers import POISON
from shared.settings.timeout import default_run_budget, function_timeout


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
    base_url, budget = table.GRAPH_BASE_URL.read(faults), table.RUN_BUDGET_SECONDS.read(faults)
    settings = Settings(
        drop_storage=read_drop_storage(faults),
        drop_container=table.DROP_CONTAINER.read(faults),
        checkpoint_container=table.CHECKPOINT_CONTAINER.read(faults),
        transfer_queue=table.TRANSFER_QUEUE.read(faults),
        blob_trigger_source=table.BLOB_TRIGGER_SOURCE.read(faults),
        graph_base_url=base_url,
        graph_scope=table.GRAPH_SCOPE.read(faults) or "/".join([*base_url.split("/")[:3], ".default"]),
        graph_client_id=table.GRAPH_CLIENT_ID.read(faults),
        has_managed_identity=faults.text("IDENTITY_ENDPOINT") is not None,
        knows_callers=(faults.text("WEBSITE_AUTH_ENABLED") or "").lower() == "true",
        graph_upload_hosts=table.GRAPH_UPLOAD_HOSTS.read(faults),
        allowed_mailboxes=table.ALLOWED_MAILBOXES.read(faults),
        range_bytes=table.RANGE_BYTES.read(faults),
        run_budget_seconds=default_run_budget(function_timeout) if budget is None else budget,
        target_wait_seconds=table.TARGET_WAIT_SECONDS.read(faults),
        access_wait_seconds=table.ACCESS_WAIT_SECONDS.read(faults),
        source_on_success=table.SOURCE_ON_SUCCESS.read(faults),
        same_file=table.SAME_FILE.read(faults),
        mailbox_bytes=table.MAILBOX_BYTES.read(faults),
        outcome_queue=table.OUTCOME_QUEUE.read(faults),
        graph_tenant_id=table.GRAPH_TENANT_ID.read(faults),
        graph_app_id=table.GRAPH_APP_ID.read(faults),
    )
    _check_containers(faults, settings)
    _check_queues(faults, settings)
    _check_trigger(faults, settings)
    _check_budget(faults, settings, function_timeout)
    _check_other_tenant(faults, settings)
    faults.raise_any()
    return settings


def _check_containers(faults: Faults, settings: Settings) -> None:
    if settings.drop_container == settings.checkpoint_container:
        problem = "must differ from DROP_CONTAINER, or each checkpoint would count as a file"
        faults.add(table.CHECKPOINT_CONTAINER.name, problem)


def _check_queues(faults: Faults, settings: Settings) -> None:
    work, outcomes = settings.transfer_queue, settings.outcome_queue
    if outcomes in {work, f"{work}{POISON}", f"webjobs-blobtrigger{POISON}"}:
        problem = "must be a queue of its own, which no trigger of this app reads"
        faults.refuse(table.OUTCOME_QUEUE.name, problem, outcomes)


def _check_trigger(faults: Faults, settings: Settings) -> None:
    # The host knows its plan by this variable too (azure-functions-host, EnvironmentExtensions.cs).
    on_flex = (faults.text("WEBSITE_SKU") or "").lower() == "flexconsumption"
    if on_flex and settings.blob_trigger_source is BlobTriggerSource.SCAN:
        problem = "must be EventGrid on Flex Consumption: that plan does not poll containers"
        faults.add(table.BLOB_TRIGGER_SOURCE.name, problem)


def _check_budget(faults: Faults, settings: Settings, function_timeout: float | None) -> None:
    name = table.RUN_BUDGET_SECONDS.name
    text = faults.text(name)
    if text is not None and function_timeout is not None and settings.run_budget_seconds >= function_timeout:
        allowed = f"must be below the host's functionTimeout ({function_timeout:g} seconds), which kills the worker"
        faults.refuse(name, allowed, text)


def _check_other_tenant(faults: Faults, settings: Settings) -> None:
    given = {"GRAPH_TENANT_ID": settings.graph_tenant_id, "GRAPH_APP_ID": settings.graph_app_id}
    missing = [name for name, value in given.items() if value is None]
    if len(missing) == 1:
        faults.add(missing[0], "is missing: GRAPH_TENANT_ID and GRAPH_APP_ID only work together")
    if not missing and settings.has_managed_identity and settings.graph_client_id is None:
        # Entra lets an app trust user-assigned identities only.
        faults.add("GRAPH_CLIENT_ID", "is missing: mailboxes of another tenant need a user-assigned identity")
