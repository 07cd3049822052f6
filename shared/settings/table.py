"""Every setting there is: its name, its default, and what it is for. README's table is held to this one."""

from __future__ import annotations

from typing import NamedTuple


class Setting(NamedTuple):
    """One environment variable. `default` is None where there is none, or where it follows from something else."""

    name: str
    default: str | None
    meaning: str


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "AzureWebJobsStorage",
        None,
        "Required, or its `__` forms: the Functions host's own storage.",
    ),
    Setting(
        "DropStorage",
        None,
        "Required, or the four below: connection string of the account that holds the drop container, the "
        "checkpoints and the work queue. Wins over them.",
    ),
    Setting("DropStorage__blobServiceUri", None, "The account's blob endpoint, https."),
    Setting("DropStorage__queueServiceUri", None, "The account's queue endpoint, https."),
    Setting("DropStorage__credential", None, "`managedidentity`; required with a client id."),
    Setting("DropStorage__clientId", None, "Client id of the user-assigned identity; none: the system-assigned one."),
    Setting("DROP_CONTAINER", "drop", "Container where files arrive."),
    Setting("CHECKPOINT_CONTAINER", "checkpoints", "Container with one JSON blob per transfer; created when missing."),
    Setting("TRANSFER_QUEUE", "transfers", "Queue of continuations; created when missing."),
    Setting(
        "BLOB_TRIGGER_SOURCE",
        "EventGrid",
        "`EventGrid`, or `LogsAndContainerScan` (polling; not on Flex Consumption).",
    ),
    Setting(
        "GRAPH_BASE_URL",
        "https://graph.microsoft.com/v1.0",
        "Microsoft Graph: also `/beta`, a national cloud, or the emulator.",
    ),
    Setting("GRAPH_SCOPE", None, "Token scope; default: the origin of `GRAPH_BASE_URL` and `/.default`."),
    Setting("GRAPH_CLIENT_ID", None, "Client id of the user-assigned identity; none: the system-assigned one."),
    Setting(
        "GRAPH_UPLOAD_HOSTS",
        None,
        "Comma list of `host` or `host:port` that an upload session may point to; default: the Outlook hosts.",
    ),
    Setting(
        "ALLOWED_MAILBOXES",
        None,
        "Comma list of addresses, object ids or `@domain`s; none: every mailbox that the identity may reach.",
    ),
    Setting("RANGE_BYTES", "4194304", "Bytes per range, 1 to 4194304 (4 MiB)."),
    Setting(
        "RUN_BUDGET_SECONDS",
        None,
        "Seconds until a run stops by itself and carries on in a new one; default: the host's `functionTimeout` less "
        "120 seconds or a tenth of it, whichever is more, and at least half of it.",
    ),
    Setting(
        "TARGET_WAIT_SECONDS",
        "600",
        "Seconds that a message or event which does not exist yet is waited for, 0 to 604800.",
    ),
    Setting(
        "ACCESS_WAIT_SECONDS",
        "7200",
        "Seconds that refused rights and tokens are waited out, 0 (fail at once) to 604800: Exchange caches "
        "permissions for up to two hours. A refusal that nobody explains is tried again for at most 600 of them.",
    ),
    Setting("SOURCE_ON_SUCCESS", "keep", "`keep` the file once it is attached, or `delete` it."),
    Setting(
        "MAILBOX_BYTES",
        "learn",
        "150 MB in five minutes to one mailbox: `limit` keeps to it, `off` does not, `learn` sends as fast as it goes "
        "until Outlook refuses for it, and keeps to it for a day then.",
    ),
    Setting(
        "SAME_FILE",
        "once",
        "A file that is attached, and whose metadata alone were written since: `once` leaves it at that, `again` "
        "attaches it again.",
    ),
    Setting("OUTCOME_QUEUE", None, "Queue that receives one message for each transfer that ends."),
    Setting(
        "GRAPH_TENANT_ID",
        None,
        "Tenant of the mailboxes, where it is not the identity's own; only together with `GRAPH_APP_ID`.",
    ),
    Setting(
        "GRAPH_APP_ID",
        None,
        "Client id of the multi-tenant app, registered in the identity's own tenant, that trusts its token; only "
        "together with `GRAPH_TENANT_ID`.",
    ),
)

SETTING_NAMES: tuple[str, ...] = tuple(setting.name for setting in SETTINGS)

DEFAULTS: dict[str, str] = {setting.name: setting.default for setting in SETTINGS if setting.default is not None}
