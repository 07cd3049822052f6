"""Clients for the data account, made once per process from one connection: `DropStorage`, or its `DropStorage__` forms.

A connection string carries its own key or SAS. Without one the app's managed identity signs in, as the Functions host
and its blob binding resolve the same settings; outside Azure it is azure-identity's developer chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import azure.identity
from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas

from shared.core.errors import Code
from shared.storage import refusals
from shared.storage.ports import ContinuationRefused, StorageUnavailable

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

STORAGE_SCOPE = "https://storage.azure.com/.default"
API_VERSION = "2021-12-02"
"""Of the raw ranged GET, sent with a bearer token: any version with OAuth does (storage services versioning page)."""

SAS_LIFETIME = timedelta(hours=2)
"""Of the URL that a ranged GET reads with a key: longer than any run."""

CLOCK_SLACK = timedelta(minutes=15)
"""A SAS begins this much in the past: clocks differ (storage SAS best practices)."""

_PATIENCE: dict[str, Any] = {
    "retry_total": 3,
    "initial_backoff": 1,
    "increment_base": 1,
    "random_jitter_range": 1,
    "connection_timeout": 10,
    "read_timeout": 30,
    "use_env_settings": False,
}
"""For every SDK client: the SDK's own retries cover a blip, the next run covers the rest. Seconds.

The SDK's own pauses are 12 to 27 s: one dropped connection would outlast the lease of 20 s. These are 1 to 3 s, all
three together well below it. Neither proxies nor `.netrc` are looked up in the environment for each call: the streaming
reader goes straight to storage too."""


IDENTITY_PATIENCE: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 15, "retry_total": 2}
"""Of the identity that signs in to storage, seconds: azure-core's own 300 would outlast a run. Chosen: the endpoint
answers within a second or two; all its tries together take less than a minute."""


@dataclass(frozen=True, slots=True)
class BlobGet:
    """What a plain GET of a blob needs. Both parts are secrets."""

    url: str
    headers: Mapping[str, str]


class StorageAccess:
    """Blob and queue clients of one account.

    Args:
        connection_string: wins over everything else where given.
        blob_uri, queue_uri: the account's service addresses, for sign-in by identity.
        client_id: the user-assigned identity's; None = the system-assigned one.
        managed: whether there is a managed identity at all (`IDENTITY_ENDPOINT`).
    """

    def __init__(
        self,
        *,
        connection_string: str | None,
        blob_uri: str | None,
        queue_uri: str | None,
        client_id: str | None,
        managed: bool,
    ) -> None:
        self._connection_string = connection_string
        self._blob_uri = blob_uri
        self._queue_uri = queue_uri
        self._client_id = client_id
        self._managed = managed

    @cached_property
    def blobs(self) -> BlobServiceClient:
        """The blob service. Safe to share between threads."""
        if self._connection_string is not None:
            return BlobServiceClient.from_connection_string(self._connection_string, **_PATIENCE)
        return BlobServiceClient(str(self._blob_uri), credential=self._credential, **_PATIENCE)

    def queue(self, name: str) -> QueueClient:
        """One queue, whose messages are base64 both ways: what the host's queue trigger expects."""
        from azure.storage.queue import QueueClient, TextBase64DecodePolicy, TextBase64EncodePolicy

        codec: dict[str, Any] = {
            "message_encode_policy": TextBase64EncodePolicy(),
            "message_decode_policy": TextBase64DecodePolicy(),
        }
        if self._connection_string is not None:
            return QueueClient.from_connection_string(self._connection_string, name, **codec, **_PATIENCE)
        return QueueClient(str(self._queue_uri), name, credential=self._credential, **codec, **_PATIENCE)

    def blob_get(self, container: str, blob: str, now: datetime) -> BlobGet:
        """How to GET this blob without the SDK, whose downloader takes each range whole."""
        url = self.blobs.get_blob_client(container, blob).url
        parts = _parts(self._connection_string or "")
        if "accountkey" in parts:
            sas = generate_blob_sas(
                account_name=str(self.blobs.account_name),
                container_name=container,
                blob_name=blob,
                account_key=parts["accountkey"],
                permission=BlobSasPermissions(read=True),
                start=now - CLOCK_SLACK,
                expiry=now + SAS_LIFETIME,
            )
            return BlobGet(f"{url}?{sas}", {})
        if self._connection_string is not None:
            return BlobGet(url, {})  # a SAS in the connection string is already part of the client's URL
        with storage_errors():
            token = self._credential.get_token(STORAGE_SCOPE).token
        return BlobGet(url, {"Authorization": f"Bearer {token}", "x-ms-version": API_VERSION})

    @cached_property
    def _credential(self) -> TokenCredential:
        if self._managed:
            return _Tokens(azure.identity.ManagedIdentityCredential(client_id=self._client_id, **IDENTITY_PATIENCE))
        return _Tokens(
            azure.identity.DefaultAzureCredential(exclude_managed_identity_credential=True, **IDENTITY_PATIENCE)
        )


class _Tokens:
    """Implements `TokenCredential`: whatever an identity raises, its words included, becomes StorageUnavailable.

    Beside AzureError, all that msal makes of an odd answer comes out, a part of a token in it. And the blob SDK asks an
    identity that failed three times more, which would take longer than a run.
    """

    def __init__(self, credential: TokenCredential) -> None:
        self._credential = credential

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """See `TokenCredential.get_token`."""
        try:
            return self._credential.get_token(*scopes, **options)
        except Exception as error:  # noqa: BLE001 - see above
            detail = f"the app's identity gives no token for storage ({type(error).__name__})"
            raise StorageUnavailable(detail, Code.IDENTITY_UNAVAILABLE) from None


@contextmanager
def storage_errors(what: str = "a request", *, conditional: bool = False) -> Iterator[None]:
    """Azure's exceptions in the words of the ports, as `refusals.py` reads them; anything else is StorageUnavailable.

    A 404 that means something is caught by the caller before it gets here.

    Args:
        what: was asked of storage, for the message.
        conditional: the request has a condition that another writer can make fail: only then is there a Conflict.
    """
    try:
        yield
    except HttpResponseError as error:
        if error.status_code is None:
            raise StorageUnavailable(f"{type(error).__name__} at {what}") from None
        raise refusals.problem(error.status_code, error_code(error), what, conditional=conditional) from None
    except (AzureError, ValueError) as error:  # a ValueError: the SDK cannot read the answer
        raise StorageUnavailable(f"{type(error).__name__} at {what}") from None


@contextmanager
def continuation_refused(continuation: str | None) -> Iterator[None]:
    """Inside `storage_errors`, around one page: a 400 to a page that begins at a continuation is about just that.

    How long a marker is good for is documented nowhere; services have refused old ones (azure-sdk-for-net#17222).
    """
    try:
        yield
    except HttpResponseError as error:
        if continuation is not None and error.status_code == HTTPStatus.BAD_REQUEST:
            raise ContinuationRefused from None
        raise


def error_code(error: HttpResponseError) -> str | None:
    """Storage's own code of the answer. A code that the SDK does not know stands in the header alone."""
    code = getattr(error, "error_code", None)
    if code is None and error.response is not None:
        code = dict(getattr(error.response, "headers", {})).get("x-ms-error-code")
    return str(getattr(code, "value", code)) if code else None


def _parts(connection_string: str) -> dict[str, str]:
    """`Name=Value;...` with lower-case names."""
    pairs = (part.partition("=") for part in connection_string.split(";") if part)
    return {name.strip().lower(): value for name, _, value in pairs}
