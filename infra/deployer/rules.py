"""What one value of a tenant file may be: each rule takes the value and yields what is wrong with it, in sentences."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Rule = Callable[[object], Iterator[str]]

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_DOMAIN = re.compile(r"@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")

EXAMPLE_GUIDS = {f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "123"}
"""The ids of `tenants/example.bicepparam`: they show the form and exist nowhere."""

EXAMPLE_DOMAIN = "example.com"
"""Reserved for documents (RFC 2606): no mailbox is there."""

POISON_SUFFIX = "-poison"
LONGEST_QUEUE_NAME = 63 - len(POISON_SUFFIX)
"""A queue's name has at most 63 characters, and so has its poison queue's. Source: "Naming queues and metadata"."""

SHORTEST_RETENTION_DAYS = 7
"""Below this a lifecycle rule could delete a file that still waits: for its target, Graph, or a person's retry."""

_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

REFUSED_SETTINGS = frozenset(
    {
        "ENABLE_ORYX_BUILD",
        "FUNCTIONS_EXTENSION_VERSION",
        "FUNCTIONS_MAX_HTTP_CONCURRENCY",
        "FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED",
        "FUNCTIONS_WORKER_PROCESS_COUNT",
        "FUNCTIONS_WORKER_RUNTIME",
        "FUNCTIONS_WORKER_RUNTIME_VERSION",
        "SCM_DO_BUILD_DURING_DEPLOYMENT",
        "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
        "WEBSITE_CONTENTSHARE",
        "WEBSITE_NODE_DEFAULT_VERSION",
        "WEBSITE_RUN_FROM_PACKAGE",
    }
)
"""What Flex Consumption refuses or ignores. Sources: the plan's documentation, and what users of it reported."""

OWN_SETTINGS = frozenset(
    {
        "ACCESS_WAIT_SECONDS",
        "ALLOWED_MAILBOXES",
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "AZUREWEBJOBSSTORAGE",
        "BLOB_TRIGGER_SOURCE",
        "CHECKPOINT_CONTAINER",
        "DROPSTORAGE",
        "DROP_CONTAINER",
        "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT",
        "GRAPH_APP_ID",
        "GRAPH_BASE_URL",
        "GRAPH_CLIENT_ID",
        "GRAPH_SCOPE",
        "GRAPH_TENANT_ID",
        "GRAPH_UPLOAD_HOSTS",
        "MAILBOX_BYTES",
        "OUTCOME_QUEUE",
        "PYTHON_THREADPOOL_THREAD_COUNT",
        "RANGE_BYTES",
        "RUN_BUDGET_SECONDS",
        "SAME_FILE",
        "SOURCE_ON_SUCCESS",
        "TARGET_WAIT_SECONDS",
        "TRANSFER_QUEUE",
    }
)
"""What the templates set; a second value would be lost, or fail the deployment. A test holds it to the templates."""

_LARGEST_NETWORK_PREFIX_LENGTH = 25
_SMALLEST_STORAGE_PREFIX_LENGTH = 30


def text(pattern: re.Pattern[str], wanted: str, *, optional: bool = False) -> Rule:
    """Text that the whole pattern matches; `optional` lets the empty text pass."""

    def rule(value: object) -> Iterator[str]:
        if optional and value == "":
            return
        if not isinstance(value, str) or not pattern.fullmatch(value):
            yield f"{value!r} is not {wanted}."

    return rule


def guid(wanted: str, *, optional: bool = False) -> Rule:
    """A GUID that is not one of the example's."""
    form = text(GUID, f"{wanted} (a GUID)", optional=optional)

    def rule(value: object) -> Iterator[str]:
        yield from form(value)
        if value in EXAMPLE_GUIDS:
            yield f"{value!r} is the example's id: put {wanted} here."

    return rule


def address(wanted: str, *, optional: bool = False) -> Rule:
    """An address that is not in the example's domain."""
    form = text(ADDRESS, wanted, optional=optional)

    def rule(value: object) -> Iterator[str]:
        yield from form(value)
        if str(value).endswith(f"@{EXAMPLE_DOMAIN}"):
            yield f"{value!r} is in the example's domain: put {wanted} of the tenant here."

    return rule


def number(least: int, most: int | None = None) -> Rule:
    """A whole number, bounds inclusive."""

    def rule(value: object) -> Iterator[str]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield f"{value!r} is not a whole number."
        elif value < least or (most is not None and value > most):
            yield f"{value} is outside {least} to {most}." if most is not None else f"{value} is less than {least}."

    return rule


def one_of(*choices: object) -> Rule:
    """One of the choices, of their type: 1 is not True."""

    def rule(value: object) -> Iterator[str]:
        if value not in choices or type(value) is not type(choices[0]):
            yield f"{value!r} is none of {', '.join(map(str, choices))}."

    return rule


def each(rule: Rule, *, least: int = 0) -> Rule:
    """A list of which every item passes; `least` items or more."""

    def of_list(value: object) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{value!r} is not a list."
            return
        if len(value) < least:
            yield f"needs at least {least}."
        for index, item in enumerate(value):
            for what in rule(item):
                yield f"[{index}] {what}"

    return of_list


def retention(value: object) -> Iterator[str]:
    """Days until dropped files are deleted; 0 keeps them."""
    yield from number(0, 36_500)(value)
    if isinstance(value, int) and 0 < value < SHORTEST_RETENTION_DAYS:
        yield (
            f"{value} days could delete a file that is still waiting; "
            f"{SHORTEST_RETENTION_DAYS} or more, or 0 to keep files."
        )


def network(value: object) -> Iterator[str]:
    """A private IPv4 network with room for both subnets."""
    try:
        network = ipaddress.IPv4Network(str(value))
    except ValueError as error:
        yield f"{value!r} is not an IPv4 network ({error})."
        return
    if network.prefixlen > _LARGEST_NETWORK_PREFIX_LENGTH:
        yield f"{value} is too small: two subnets of 64 addresses need a /{_LARGEST_NETWORK_PREFIX_LENGTH} or larger."
    if not network.is_private:
        yield f"{value} is not a private address range."


def storage_range(value: object) -> Iterator[str]:
    """A public IPv4 address or range as a storage account's firewall takes it."""
    try:
        network = ipaddress.IPv4Network(str(value))
    except ValueError as error:
        yield f"{value!r} is not an IPv4 address or range ({error})."
        return
    if network.is_private:
        yield f"{value} is private: a storage account's firewall takes public addresses only."
    if "/" in str(value) and network.prefixlen > _SMALLEST_STORAGE_PREFIX_LENGTH:
        yield f"{value} is too small for a storage rule: write single addresses without /{network.prefixlen}."


def caller_range(value: object) -> Iterator[str]:
    """An address range as App Service's access restrictions take it, with its prefix length."""
    try:
        ipaddress.ip_network(str(value))
    except ValueError as error:
        yield f"{value!r} is not an address range ({error})."
        return
    if "/" not in str(value):
        yield f"{value} needs a prefix length (a single address is {value}/32)."


def graph_root(value: object) -> Iterator[str]:
    """A root of Microsoft Graph with its version."""
    parts = urlsplit(str(value))
    if parts.scheme != "https" or not parts.hostname or not re.fullmatch(r"/(v1\.0|beta)/?", parts.path):
        yield f"{value!r} is not a root of Microsoft Graph (https://<host>/v1.0 or /beta)."


def mailbox(value: object) -> Iterator[str]:
    """An entry of ALLOWED_MAILBOXES."""
    entry = str(value)
    if not (ADDRESS.fullmatch(entry) or GUID.fullmatch(entry) or _DOMAIN.fullmatch(entry)):
        yield f"{value!r} is neither an address, nor an object id, nor an @domain."
    if entry.endswith(f"@{EXAMPLE_DOMAIN}"):
        yield f"{value!r} is in the example's domain: put the tenant's own here."


def uploader(value: object) -> Iterator[str]:
    """A principal that may drop files."""
    if not isinstance(value, dict) or set(value) != {"principalId", "principalType"}:
        yield "needs principalId and principalType, and nothing else."
        return
    yield from (f"principalId {what}" for what in guid("the principal's object id")(value["principalId"]))
    types = one_of("User", "Group", "ServicePrincipal")
    yield from (f"principalType {what}" for what in types(value["principalType"]))


def tags(value: object) -> Iterator[str]:
    """Tags beside the ones that `main.bicep` sets."""
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        yield "needs the form { name: 'text' }."
        return
    for name in value:
        if re.search(r"[<>%&\\?/]", name):
            yield f"{name!r} has a character that a tag's name may not have (<>%&\\?/)."
        if name in {"product", "tenant", "azd-env-name", "azd-service-name"}:
            yield f"{name!r} is set by main.bicep itself."


def settings(value: object) -> Iterator[str]:
    """App settings beside the ones that the templates set."""
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        yield "needs the form { NAME: 'text' }; numbers and true stand in quotes as well."
        return
    for name in value:
        if not _SETTING.fullmatch(name):
            yield f"{name!r} is no name of a setting on Linux: letters, digits and underscores (two for a colon)."
        elif name.upper() in REFUSED_SETTINGS:
            yield f"{name!r} is refused or ignored by Flex Consumption."
        elif name.partition("__")[0].upper() in OWN_SETTINGS:
            yield f"{name!r} is set by the templates themselves: use its parameter."


container = text(_CONTAINER, "a container's name (3 to 63 of a-z, 0-9, single hyphens inside)")
_QUEUE_RULE = text(_CONTAINER, "a queue's name (3 to 63 of a-z, 0-9, single hyphens inside)")


def queue(value: object) -> Iterator[str]:
    """A queue's name whose poison queue has a valid name too; empty where there is none."""
    if value == "":
        return
    yield from _QUEUE_RULE(value)
    if isinstance(value, str) and len(value) > LONGEST_QUEUE_NAME:
        yield f"is longer than {LONGEST_QUEUE_NAME}: {value}{POISON_SUFFIX} must be a queue's name as well."
    if isinstance(value, str) and value.endswith(POISON_SUFFIX):
        yield f"ends in {POISON_SUFFIX}: that is the Functions host's own ending."
