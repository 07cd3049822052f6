"""Every setting there is: its name, its default, how it is read, and what it is for.

README's table is made from this one. `shared/settings/reading.py` puts the values together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from shared.core.allowance import MailboxBytes
from shared.settings import parsers
from shared.settings.faults import Faults
from shared.settings.model import BlobTriggerSource, SameFile, SourceOnSuccess
from shared.settings.parsers import Parser

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One environment variable. `default` is None where there is none, or where it follows from something else."""

    name: str
    default: str | None
    parse: Parser[T]
    meaning: str

    def read(self, faults: Faults) -> T:
        """The value, or its default. What is wrong goes to `faults`."""
        return self.parse(faults, self.name, faults.text(self.name) or self.default)


HOST_STORAGE = Setting(
    "AzureWebJobsStorage",
    None,
    parsers.as_given,
    "Required, or its `__` forms: the Functions host's own storage.",
)
DROP_STORAGE = Setting(
    "DropStorage",
    None,
    parsers.as_given,
    "Required, or the four below: connection string of the account that holds the drop container, the "
    "checkpoints and the work queue. Wins over them.",
)
DROP_BLOB_URI = Setting(
    "DropStorage__blobServiceUri",
    None,
    parsers.as_given,
    "The account's blob endpoint, https.",
)
DROP_QUEUE_URI = Setting(
    "DropStorage__queueServiceUri",
    None,
    parsers.as_given,
    "The account's queue endpoint, https.",
)
DROP_CREDENTIAL = Setting(
    "DropStorage__credential",
    None,
    parsers.as_given,
    "`managedidentity`; required with a client id.",
)
DROP_CLIENT_ID = Setting(
    "DropStorage__clientId",
    None,
    parsers.as_given,
    "Client id of the user-assigned identity; none: the system-assigned one.",
)
DROP_CONTAINER = Setting(
    "DROP_CONTAINER",
    "drop",
    parsers.storage_name,
    "Container where files arrive.",
)
CHECKPOINT_CONTAINER = Setting(
    "CHECKPOINT_CONTAINER",
    "checkpoints",
    parsers.storage_name,
    "Container with one JSON blob per transfer; created when missing.",
)
TRANSFER_QUEUE = Setting(
    "TRANSFER_QUEUE",
    "transfers",
    parsers.trigger_queue,
    "Queue of continuations; created when missing.",
)
BLOB_TRIGGER_SOURCE = Setting(
    "BLOB_TRIGGER_SOURCE",
    "EventGrid",
    parsers.choice(BlobTriggerSource),
    "`EventGrid`, or `LogsAndContainerScan` (polling; not on Flex Consumption).",
)
GRAPH_BASE_URL = Setting(
    "GRAPH_BASE_URL",
    "https://graph.microsoft.com/v1.0",
    parsers.graph_url,
    "Microsoft Graph: also `/beta`, a national cloud, or the emulator.",
)
GRAPH_SCOPE = Setting(
    "GRAPH_SCOPE",
    None,
    parsers.scope,
    "Token scope; default: the origin of `GRAPH_BASE_URL` and `/.default`.",
)
GRAPH_CLIENT_ID = Setting(
    "GRAPH_CLIENT_ID",
    None,
    parsers.guid,
    "Client id of the user-assigned identity; none: the system-assigned one.",
)
GRAPH_UPLOAD_HOSTS = Setting(
    "GRAPH_UPLOAD_HOSTS",
    None,
    parsers.hosts,
    "Comma list of `host` or `host:port` that an upload session may point to; default: the Outlook hosts.",
)
ALLOWED_MAILBOXES = Setting(
    "ALLOWED_MAILBOXES",
    None,
    parsers.mailboxes,
    "Comma list of addresses, object ids or `@domain`s; none: every mailbox that the identity may reach.",
)
RANGE_BYTES = Setting(
    "RANGE_BYTES",
    "4194304",
    parsers.range_bytes,
    "Bytes per range, 1 to 4194304 (4 MiB).",
)
RUN_BUDGET_SECONDS = Setting(
    "RUN_BUDGET_SECONDS",
    None,
    parsers.run_budget,
    "Seconds until a run stops by itself and carries on in a new one; default: the host's `functionTimeout` less "
    "120 seconds or a tenth of it, whichever is more, and at least half of it.",
)
TARGET_WAIT_SECONDS = Setting(
    "TARGET_WAIT_SECONDS",
    "600",
    parsers.wait,
    "Seconds that a message or event which does not exist yet is waited for, 0 to 604800.",
)
ACCESS_WAIT_SECONDS = Setting(
    "ACCESS_WAIT_SECONDS",
    "7200",
    parsers.wait,
    "Seconds that refused rights and tokens are waited out, 0 (fail at once) to 604800: Exchange caches "
    "permissions for up to two hours. A refusal that nobody explains is tried again for at most 600 of them.",
)
SOURCE_ON_SUCCESS = Setting(
    "SOURCE_ON_SUCCESS",
    "keep",
    parsers.choice(SourceOnSuccess),
    "`keep` the file once it is attached, or `delete` it.",
)
MAILBOX_BYTES = Setting(
    "MAILBOX_BYTES",
    "learn",
    parsers.choice(MailboxBytes),
    "150 MB in five minutes to one mailbox: `limit` keeps to it, `off` does not, `learn` sends as fast as it goes "
    "until Outlook refuses for it, and keeps to it for a day then.",
)
SAME_FILE = Setting(
    "SAME_FILE",
    "once",
    parsers.choice(SameFile),
    "A file that is attached, and whose metadata alone were written since: `once` leaves it at that, `again` "
    "attaches it again.",
)
OUTCOME_QUEUE = Setting(
    "OUTCOME_QUEUE",
    None,
    parsers.optional_queue,
    "Queue that receives one message for each transfer that ends.",
)
GRAPH_TENANT_ID = Setting(
    "GRAPH_TENANT_ID",
    None,
    parsers.tenant,
    "Tenant of the mailboxes, where it is not the identity's own; only together with `GRAPH_APP_ID`.",
)
GRAPH_APP_ID = Setting(
    "GRAPH_APP_ID",
    None,
    parsers.guid,
    "Client id of the multi-tenant app, registered in the identity's own tenant, that trusts its token; only "
    "together with `GRAPH_TENANT_ID`.",
)

SETTINGS: tuple[Setting[Any], ...] = (
    HOST_STORAGE,
    DROP_STORAGE,
    DROP_BLOB_URI,
    DROP_QUEUE_URI,
    DROP_CREDENTIAL,
    DROP_CLIENT_ID,
    DROP_CONTAINER,
    CHECKPOINT_CONTAINER,
    TRANSFER_QUEUE,
    BLOB_TRIGGER_SOURCE,
    GRAPH_BASE_URL,
    GRAPH_SCOPE,
    GRAPH_CLIENT_ID,
    GRAPH_UPLOAD_HOSTS,
    ALLOWED_MAILBOXES,
    RANGE_BYTES,
    RUN_BUDGET_SECONDS,
    TARGET_WAIT_SECONDS,
    ACCESS_WAIT_SECONDS,
    SOURCE_ON_SUCCESS,
    MAILBOX_BYTES,
    SAME_FILE,
    OUTCOME_QUEUE,
    GRAPH_TENANT_ID,
    GRAPH_APP_ID,
)

SETTING_NAMES: tuple[str, ...] = tuple(setting.name for setting in SETTINGS)
