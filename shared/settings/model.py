"""What the settings come to: checked, typed, frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from shared.core.allowance import MailboxBytes


class SettingsError(ValueError):
    """The settings are unusable. `faults` names each one; the message has them all, one to a line."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(("The app's settings are unusable:", *(f"- {fault}" for fault in self.faults))))


class BlobTriggerSource(StrEnum):
    """How the host learns of new blobs. The values are those of the blob trigger's `source`."""

    EVENT_GRID = "EventGrid"
    SCAN = "LogsAndContainerScan"


class SourceOnSuccess(StrEnum):
    """What becomes of the file once it is attached and the outcome is durable."""

    KEEP = "keep"
    DELETE = "delete"


class SameFile(StrEnum):
    """What becomes of a file that is attached already, and of which only the metadata were written since."""

    ONCE = "once"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class StorageConnection:
    """The connection `DropStorage`: a connection string, or two https URIs and a managed identity.

    `connection_string` is a secret: it is kept out of the `repr`. With URIs, `client_id` picks a user-assigned
    identity; None is the system-assigned one.
    """

    connection_string: str | None = field(default=None, repr=False)
    blob_uri: str | None = None
    queue_uri: str | None = None
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, checked by `read`. The table in `shared/settings/table.py` tells what each one is for.

    Attributes:
        graph_base_url: without a trailing slash.
        has_managed_identity: the platform serves an identity endpoint (`IDENTITY_ENDPOINT`).
        graph_upload_hosts: lower case, `host` or `host:port`; None = the Outlook hosts of `shared/graph/hosts.py`.
        allowed_mailboxes: addresses, object ids and `@domain`s as given; empty = every mailbox.
        range_bytes: 1 to 4,194,304, inclusive.
        run_budget_seconds: above 0, and below the host's function timeout.
        target_wait_seconds, access_wait_seconds: 0 (fail at once) to 604,800, inclusive.
        graph_tenant_id, graph_app_id: both, or neither.
        knows_callers: App Service authentication is on (`WEBSITE_AUTH_ENABLED`): it says who calls, in headers that it
            takes off every request first.
        route_prefix: what the host puts before every route (host.json), without slashes around it; may be empty.
    """

    drop_storage: StorageConnection
    drop_container: str
    checkpoint_container: str
    transfer_queue: str
    blob_trigger_source: BlobTriggerSource
    graph_base_url: str
    graph_scope: str
    graph_client_id: str | None
    has_managed_identity: bool
    graph_upload_hosts: tuple[str, ...] | None
    allowed_mailboxes: tuple[str, ...]
    range_bytes: int
    run_budget_seconds: float
    target_wait_seconds: float
    access_wait_seconds: float
    source_on_success: SourceOnSuccess
    mailbox_bytes: MailboxBytes
    outcome_queue: str | None
    graph_tenant_id: str | None
    graph_app_id: str | None
    route_prefix: str = "api"
    knows_callers: bool = False
    same_file: SameFile = SameFile.ONCE
