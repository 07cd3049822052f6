"""Storage connections, resolved as the Functions host and the blob binding's Python library both resolve them.

The host takes `AzureWebJobsX` before `X`, a connection string before URIs, and builds URIs from `X__accountName`
(azure-sdk-for-net, StorageClientProvider; azure-functions-dotnet-worker, ConfigurationExtensions). The blob binding's
Python library knows neither the prefix nor `__accountName`, takes `__serviceUri` before `__blobServiceUri`, and looks
for a user-assigned identity only where `__credential` and `__clientId` are both given
(azurefunctions-extensions-bindings-blob 1.1.2, utils.py). Only forms that mean the same to both, and that name the
queue service too, are taken: otherwise the trigger and the app could work on two accounts.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from shared.settings.endpoints import accounts_differ, endpoint_of, endpoint_problem
from shared.settings.faults import Faults
from shared.settings.forms import is_guid
from shared.settings.model import StorageConnection

DROP_STORAGE = "DropStorage"
HOST_STORAGE = "AzureWebJobsStorage"
_FORMS = ("blobServiceUri", "queueServiceUri", "credential", "clientId")
_TAKEN_FIRST = ("AzureWebJobsDropStorage", "ConnectionStrings__DropStorage", "CUSTOMCONNSTR_DropStorage")


def read_drop_storage(faults: Faults) -> StorageConnection:
    """The connection `DropStorage`; what is wrong with it goes to `faults`, never with its value."""
    for name in sorted(faults.environ):
        if name in _TAKEN_FIRST or name.startswith("AzureWebJobsDropStorage__"):
            faults.add(name, f"must not be set: the Functions host would take it before {DROP_STORAGE}")
    if DROP_STORAGE in faults.environ:
        raw = faults.environ[DROP_STORAGE]
        text = raw.strip()
        problem = _connection_string_problem(text) or _raw_problem(raw)
        if problem:
            faults.add(DROP_STORAGE, problem)
        return StorageConnection(connection_string=text)
    return _by_identity(faults)


def check_host_storage(faults: Faults) -> None:
    """`AzureWebJobsStorage` has to be there in some form; the host itself checks that it works."""
    if HOST_STORAGE in faults.environ:
        if not faults.environ[HOST_STORAGE].strip():
            faults.add(HOST_STORAGE, "is empty, which the host takes for a connection string: give one, or remove it")
        return
    if faults.text(f"{HOST_STORAGE}__accountName"):
        return
    uris = (f"{HOST_STORAGE}__blobServiceUri", f"{HOST_STORAGE}__queueServiceUri")
    missing = [name for name in uris if not faults.text(name)]
    if len(missing) == len(uris):
        faults.add(HOST_STORAGE, f"is missing: give a connection string, or {HOST_STORAGE}__accountName")
    elif missing:
        faults.add(missing[0], "is missing: the blob trigger needs the blob and the queue service")
    for name, service in zip(uris, ("blob", "queue"), strict=True):
        problem = endpoint_problem(faults.text(name) or "", service)
        if problem:
            faults.add(name, problem)


def _by_identity(faults: Faults) -> StorageConnection:
    prefix = f"{DROP_STORAGE}__"
    for name in sorted(faults.environ):
        if name.startswith(prefix) and name.removeprefix(prefix) not in _FORMS:
            allowed = ", ".join(prefix + form for form in _FORMS)
            faults.add(name, f"is no form that the trigger and the app read alike; use {DROP_STORAGE}, or {allowed}")
    blob_uri, queue_uri, credential, client_id = (faults.text(prefix + form) for form in _FORMS)
    if blob_uri is None and queue_uri is None:
        faults.add(
            DROP_STORAGE, f"is missing: give a connection string, or {prefix}{_FORMS[0]} and {prefix}{_FORMS[1]}"
        )
    else:
        blob = _check_uri(faults, prefix + _FORMS[0], blob_uri, "blob")
        queue = _check_uri(faults, prefix + _FORMS[1], queue_uri, "queue")
        if accounts_differ(blob, queue):
            faults.add(prefix + _FORMS[1], f"names another account than {prefix}{_FORMS[0]}: both must be of the same")
    if credential is not None and credential.lower() != "managedidentity":
        faults.add(f"{prefix}credential", "must be managedidentity")
    if client_id is not None and not is_guid(client_id):
        faults.add(f"{prefix}clientId", "must be a GUID, the client id of the user-assigned identity")
    if client_id is not None and credential is None:
        faults.add(f"{prefix}credential", f"must be managedidentity where {prefix}clientId is given")
    return StorageConnection(blob_uri=blob_uri, queue_uri=queue_uri, client_id=client_id)


def _check_uri(faults: Faults, name: str, uri: str | None, service: str) -> str | None:
    """A service URI is https, because a token is sent to it, and carries no signature, which would be a secret.

    Returns the account that it names, where it is in order and tells.
    """
    if uri is None:
        faults.add(name, "is missing: the blob and the queue service are needed together")
        return None
    try:
        parts = urlsplit(uri)
        usable = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    else:
        usable = usable and not (parts.query or parts.fragment or "@" in parts.netloc)
    form = "must be an https:// address without user, query or fragment"
    is_in_order = usable and uri.isascii() and uri.isprintable() and " " not in uri
    problem = endpoint_problem(uri, service) if is_in_order else form
    if problem:
        faults.add(name, problem)
        return None
    found = endpoint_of(uri)
    return found.account if found else None


def _connection_string_problem(text: str) -> str | None:
    """What keeps the storage clients from using the text, or None.

    As strict as azure-storage-blob and azure-storage-queue are: names without case, no blanks, no empty parts.
    """
    if not text:
        return "is empty: give a connection string, or remove it and use the __ forms"
    pairs = [part.partition("=") for part in text.rstrip(";").split(";")]
    if any(not equals for _, equals, _ in pairs):
        return "is not a connection string: parts are Name=value, separated by single semicolons"
    parts = {key.lower(): value for key, _, value in pairs}
    if parts.get("usedevelopmentstorage") == "true":
        return None
    by_key = parts.get("accountname") and parts.get("accountkey")
    if not by_key and not parts.get("sharedaccesssignature"):
        return "is not a connection string: AccountName and AccountKey, or SharedAccessSignature, are missing"
    if not parts.get("accountname") and not (parts.get("blobendpoint") and parts.get("queueendpoint")):
        return "names no account: give AccountName, or BlobEndpoint and QueueEndpoint"
    return _endpoints_problem(parts)


def _endpoints_problem(parts: dict[str, str]) -> str | None:
    """What is wrong with the endpoints that a connection string names, or None."""
    accounts = [parts.get("accountname")]
    for service in ("blob", "queue"):
        uri = parts.get(f"{service}endpoint", "")
        problem = endpoint_problem(uri, service)
        if problem:
            return f"has a {service.capitalize()}Endpoint that {problem}"
        found = endpoint_of(uri)
        accounts.append(found.account if found else None)
    return (
        "names more than one account: its endpoints and AccountName must agree" if accounts_differ(*accounts) else None
    )


def _raw_problem(raw: str) -> str | None:
    """What is around, or inside, a connection string that the host and the app would not read alike, or None.

    Neither the host nor the blob binding takes anything off the text: a line end becomes part of its last value.
    """
    if raw != raw.strip():
        return "has a blank or a line end at its beginning or end, which the host takes for a part of it: remove it"
    if not raw.isprintable():
        return "has a line end or another control character in it: remove it"
    return None
