"""Every error code of storage has one meaning, and only a lost race is a lost race."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.storage.blob import StorageErrorCode as BlobCode
from azure.storage.queue import StorageErrorCode as QueueCode

from shared.core.errors import Code
from shared.storage.access import storage_errors
from shared.storage.ports import Conflict, StorageRefused, StorageUnavailable
from shared.storage.refusals import CODES, Means, meaning

EVERY_CODE = sorted({code.value for code in (*BlobCode, *QueueCode)})


class Response:
    """What the SDK's errors carry."""

    def __init__(self, status: int, code: str | None) -> None:
        self.status_code = status
        self.reason = "Said So"
        self.headers = {"x-ms-error-code": code} if code else {}


def raised(status: int, code: str | None, *, conditional: bool = False) -> Exception:
    error = HttpResponseError("no", response=Response(status, code))  # type: ignore[arg-type]  # as much as is read
    with (
        pytest.raises((Conflict, StorageRefused, StorageUnavailable)) as caught,
        storage_errors("save a thing", conditional=conditional),
    ):
        raise error
    return caught.value


@pytest.mark.parametrize("code", EVERY_CODE)
def test_every_code_that_the_sdks_know_is_listed(code: str) -> None:
    assert code in CODES


PERMANENT = [
    (409, "BlobImmutableDueToPolicy", Code.STORAGE_IMMUTABLE),
    (409, "BlobImmutableDueToLegalHold", Code.STORAGE_IMMUTABLE),
    (409, "SomethingNewAboutImmutability", Code.STORAGE_IMMUTABLE),
    (412, "LeaseIdMissing", Code.STORAGE_LEASED),
    (409, "LeaseAlreadyPresent", Code.STORAGE_LEASED),
    (412, "LeaseOfAKindNobodyListed", Code.STORAGE_LEASED),
    (409, "BlobArchived", Code.STORAGE_ARCHIVED),
    (409, "BlobUsesCustomerSpecifiedEncryption", Code.STORAGE_ENCRYPTED),
    (403, "KeyVaultEncryptionKeyNotFound", Code.STORAGE_ENCRYPTED),
    (409, "EncryptionScopeOfNoName", Code.STORAGE_ENCRYPTED),
    (403, "AccountIsDisabled", Code.STORAGE_DISABLED),
    (409, "ContainerDisabled", Code.STORAGE_DISABLED),
    (409, "BlobOperationNotSupported", Code.STORAGE_REFUSED),
    (409, "InvalidBlobType", Code.STORAGE_REFUSED),
    (400, "UnsupportedHeader", Code.STORAGE_REFUSED),
    (400, "NeverHeardOf", Code.STORAGE_REFUSED),
]
PASSING = [
    (403, "AuthorizationPermissionMismatch", Code.STORAGE_ACCESS_DENIED),
    (403, "AuthenticationFailed", Code.STORAGE_ACCESS_DENIED),
    (403, "KeyBasedAuthenticationNotPermitted", Code.STORAGE_ACCESS_DENIED),
    (401, None, Code.STORAGE_ACCESS_DENIED),
    (403, None, Code.STORAGE_ACCESS_DENIED),
    (409, "BlobBeingRehydrated", Code.STORAGE_ARCHIVED),
    (409, "ContainerBeingDeleted", Code.STORAGE_UNAVAILABLE),
    (409, "PendingCopyOperation", Code.STORAGE_UNAVAILABLE),
    (409, "NeverHeardOf", Code.STORAGE_UNAVAILABLE),
    (412, "NeverHeardOf", Code.STORAGE_UNAVAILABLE),
    (404, "ContainerNotFound", Code.STORAGE_UNAVAILABLE),
    (503, "ServerBusy", Code.STORAGE_UNAVAILABLE),
    (500, None, Code.STORAGE_UNAVAILABLE),
    (400, None, Code.STORAGE_UNAVAILABLE),
]
RACES = [
    (409, "BlobAlreadyExists"),
    (412, "ConditionNotMet"),
    (412, "TargetConditionNotMet"),
    (412, None),
    (409, None),
]


@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize(("status", "code", "named"), PERMANENT)
def test_what_a_person_has_to_change_is_refused_and_named(
    status: int, code: str, named: Code, conditional: bool
) -> None:
    error = raised(status, code, conditional=conditional)
    assert isinstance(error, StorageRefused)
    assert error.code is named
    assert error.detail == f"storage answered {status} {code} to the request to save a thing"


@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize(("status", "code", "named"), PASSING)
def test_what_may_pass_is_unavailable_and_says_why(
    status: int, code: str | None, named: Code, conditional: bool
) -> None:
    error = raised(status, code, conditional=conditional)
    assert isinstance(error, StorageUnavailable)
    assert error.code is named


@pytest.mark.parametrize(("status", "code"), RACES)
def test_a_lost_race_is_one_only_where_there_was_a_condition(status: int, code: str | None) -> None:
    assert isinstance(raised(status, code, conditional=True), Conflict)
    assert isinstance(raised(status, code), StorageUnavailable)


@pytest.mark.parametrize("code", sorted(CODES))
def test_no_code_is_a_race_but_those_of_conditions_and_existence(code: str) -> None:
    about_versions = code.endswith(("AlreadyExists", "ConditionNotMet", "BlobOverwritten"))
    assert (CODES[code].means is Means.RACE) == (about_versions and code != "AccountAlreadyExists")


@pytest.mark.parametrize("status", range(300, 600))
def test_every_status_without_a_code_has_a_meaning_that_does_not_last(status: int) -> None:
    assert meaning(status, None).means is not Means.LASTS


def test_no_answer_at_all_is_unavailable() -> None:
    with pytest.raises(StorageUnavailable, match="ServiceRequestError at save a thing"), storage_errors("save a thing"):
        raise ServiceRequestError("nothing")
