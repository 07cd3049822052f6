"""What each error code of Azure Storage means for the product: the one place where that is decided.

The same status stands for a lost race and for what no retry will ever change (409 for `BlobAlreadyExists` and for
`BlobImmutableDueToPolicy`), so the code decides, and the status only where there is no code. The codes are those of
"Common REST API error codes", "Blob Storage error codes" and "Queue Storage error codes", those of the storage SDKs,
and a few that only answers show (those of customer-managed keys). Codes of one family that is known by a word, such as
`Lease`, are read by it, so that one nobody listed is not taken for a lost race either.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus

from shared.core.errors import Code
from shared.storage.ports import Conflict, StorageRefused, StorageUnavailable


class Means(Enum):
    """What an answer says about asking again."""

    RACE = auto()  # somebody else wrote in between
    PASSES = auto()  # asking again later may succeed although nobody changed anything
    LASTS = auto()  # nothing changes until a person does something
    ABSENT = auto()  # what was asked for does not exist


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one answer means; `code` is the catalogue's."""

    means: Means
    code: Code


_RACE = Meaning(Means.RACE, Code.STORAGE_UNAVAILABLE)
_ABSENT = Meaning(Means.ABSENT, Code.STORAGE_UNAVAILABLE)
_BUSY = Meaning(Means.PASSES, Code.STORAGE_UNAVAILABLE)
_DENIED = Meaning(Means.PASSES, Code.STORAGE_ACCESS_DENIED)  # a role takes up to ten minutes to work
_REHYDRATING = Meaning(Means.PASSES, Code.STORAGE_ARCHIVED)
_ARCHIVED = Meaning(Means.LASTS, Code.STORAGE_ARCHIVED)
_IMMUTABLE = Meaning(Means.LASTS, Code.STORAGE_IMMUTABLE)
_LEASED = Meaning(Means.LASTS, Code.STORAGE_LEASED)
_ENCRYPTED = Meaning(Means.LASTS, Code.STORAGE_ENCRYPTED)
_DISABLED = Meaning(Means.LASTS, Code.STORAGE_DISABLED)
_REFUSED = Meaning(Means.LASTS, Code.STORAGE_REFUSED)

_BY_MEANING: dict[Meaning, str] = {
    _RACE: """
        AppendPositionConditionNotMet BlobAlreadyExists BlobOverwritten ConditionNotMet ContainerAlreadyExists
        FilesystemAlreadyExists MaxBlobSizeConditionNotMet PathAlreadyExists QueueAlreadyExists ResourceAlreadyExists
        SequenceNumberConditionNotMet ShareAlreadyExists SourceConditionNotMet TargetConditionNotMet
        """,
    _ABSENT: """
        BlobNotFound ContainerNotFound FilesystemNotFound MessageNotFound ParentNotFound PathNotFound PopReceiptMismatch
        QueueNotFound RenameDestinationParentPathNotFound ResourceNotFound ShareNotFound SourcePathNotFound
        """,
    _BUSY: """
        AccountBeingCreated CannotDeleteFileOrDirectory CannotVerifyCopySource ClientCacheFlushDelay
        ContainerBeingDeleted CopyIdMismatch Crc64Mismatch DeletePending DestinationPathIsBeingDeleted FileLockConflict
        FilesystemBeingDeleted InternalError Md5Mismatch NoPendingCopyOperation OperationTimedOut PathConflict
        PendingCopyOperation QueueBeingDeleted ServerBusy ShareBeingDeleted ShareSnapshotInProgress SharingViolation
        SnapshotOperationRateExceeded SourcePathIsBeingDeleted SystemInUse
        """,
    _DENIED: """
        AuthenticationFailed AuthorizationFailure AuthorizationPermissionMismatch AuthorizationProtocolMismatch
        AuthorizationResourceTypeMismatch AuthorizationServiceMismatch AuthorizationSourceIPMismatch
        InsufficientAccountPermissions InvalidAuthenticationInfo KeyBasedAuthenticationNotPermitted
        NoAuthenticationInformation PublicAccessNotPermitted UnauthorizedBlobOverwrite
        """,
    _REHYDRATING: "BlobBeingRehydrated",
    _ARCHIVED: "BlobArchived",
    _IMMUTABLE: """
        AccountProtectedFromDeletion BlobImmutableDueToLegalHold BlobImmutableDueToPolicy
        ContainerProtectedFromDeletion ImmutabilityPolicyDeleteOnLockedPolicy ReadOnlyAttribute
        """,
    _LEASED: """
        InfiniteLeaseDurationRequired LeaseAlreadyBroken LeaseAlreadyPresent LeaseIdMismatchWithBlobOperation
        LeaseIdMismatchWithContainerOperation LeaseIdMismatchWithLeaseOperation LeaseIdMissing LeaseIsAlreadyBroken
        LeaseIsBreakingAndCannotBeAcquired LeaseIsBreakingAndCannotBeChanged LeaseIsBrokenAndCannotBeRenewed LeaseLost
        LeaseNameMismatch LeaseNotPresentWithBlobOperation LeaseNotPresentWithContainerOperation
        LeaseNotPresentWithLeaseOperation
        """,
    _ENCRYPTED: """
        BlobCustomerSpecifiedEncryptionMismatch BlobDoesNotUseCustomerSpecifiedEncryption
        BlobUsesCustomerSpecifiedEncryption EncryptionScopeDisabled EncryptionScopeNotFound
        KeyVaultAccessTokenCannotBeAcquired KeyVaultEncryptionKeyNotFound KeyVaultVaultNotFound
        """,
    _DISABLED: "AccountIsDisabled ContainerDisabled QueueDisabled ShareDisabled",
    _REFUSED: """
        AccountAlreadyExists BlobAccessTierNotSupportedForAccountType BlobNotArchived BlobOperationNotSupported
        BlobTierInadequateForContentLength BlockCountExceedsLimit BlockListTooLong CannotChangeToLowerTier
        ConditionHeadersNotSupported ContainerQuotaDowngradeNotAllowed ContentLengthLargerThanTierLimit
        ContentLengthMustBeZero CopyAcrossAccountsNotSupported DirectoryNotEmpty EmptyMetadataKey FeatureVersionMismatch
        FileShareProvisionedBandwidthDowngradeNotAllowed FileShareProvisionedBandwidthInvalid
        FileShareProvisionedIopsDowngradeNotAllowed FileShareProvisionedIopsInvalid FileShareProvisionedStorageInvalid
        IncrementalCopyBlobMismatch IncrementalCopyOfEarlierSnapshotNotAllowed
        IncrementalCopyOfEarlierVersionSnapshotNotAllowed IncrementalCopyOfEralierVersionSnapshotNotAllowed
        IncrementalCopySourceMustBeSnapshot InvalidBlobOrBlock InvalidBlobTier InvalidBlobType InvalidBlockId
        InvalidBlockList InvalidDestinationPath InvalidFileOrDirectoryPathName InvalidFlushPosition InvalidHeaderValue
        InvalidHttpVerb InvalidInput InvalidMarker InvalidMd5 InvalidMetadata InvalidOperation InvalidPageRange
        InvalidPropertyName InvalidQueryParameterValue InvalidRange InvalidRenameSourcePath InvalidResourceName
        InvalidSourceBlobType InvalidSourceBlobUrl InvalidSourceOrDestinationResourceType InvalidSourceUri InvalidUri
        InvalidVersionForPageBlobOperation InvalidXmlDocument InvalidXmlNodeValue MessageTooLarge MetadataTooLarge
        MissingContentLengthHeader MissingRequiredHeader MissingRequiredQueryParameter MissingRequiredXmlNode
        MultipleConditionHeadersNotSupported OperationNotAllowedOnIncrementalCopyBlob OperationNotAllowedOnRootBlob
        OutOfRangeInput OutOfRangeQueryParameterValue PreviousSnapshotCannotBeNewer PreviousSnapshotNotFound
        PreviousSnapshotOperationNotSupported QueueNotEmpty RequestBodyTooLarge RequestUrlFailedToParse
        ResourceTypeMismatch SequenceNumberIncrementTooLarge ShareHasSnapshots ShareSnapshotCountExceeded
        ShareSnapshotNotFound ShareSnapshotOperationNotSupported SnapshotCountExceeded SnapshotsPresent
        TotalSharesCountExceedsAccountLimit TotalSharesProvisionedBandwidthExceedsAccountLimit
        TotalSharesProvisionedCapacityExceedsAccountLimit TotalSharesProvisionedIopsExceedsAccountLimit
        UnsupportedHeader UnsupportedHttpVerb UnsupportedQueryParameter UnsupportedRestVersion UnsupportedXmlNode
        """,
}

CODES: dict[str, Meaning] = {name: meaning for meaning, names in _BY_MEANING.items() for name in names.split()}
"""Every code that is known, by its name in `x-ms-error-code`."""

_FAMILIES: tuple[tuple[str, Meaning], ...] = (
    ("lease", _LEASED),
    ("immutab", _IMMUTABLE),
    ("legalhold", _IMMUTABLE),
    ("protectedfrom", _IMMUTABLE),
    ("rehydrat", _REHYDRATING),
    ("archive", _ARCHIVED),
    ("encrypt", _ENCRYPTED),
    ("keyvault", _ENCRYPTED),
    ("disabled", _DISABLED),
    ("authoriz", _DENIED),
    ("authentic", _DENIED),
    ("permission", _DENIED),
    ("notpermitted", _DENIED),
    ("notfound", _ABSENT),
    ("alreadyexists", _RACE),
    ("conditionnotmet", _RACE),
    ("beingdeleted", _BUSY),
    ("timedout", _BUSY),
    ("busy", _BUSY),
)
"""Words in a code that is not listed, in lower case; the first one that fits decides."""


def meaning(status: int, code: str | None) -> Meaning:
    """What an answer that is no success means: by its code, else by the family of its code, else by its status.

    A status without a code is some gateway's own, or the plain word of HTTP: 409 and 412 are then a lost race, and
    nothing is taken to last.
    """
    if code:
        known = CODES.get(code)
        if known is not None:
            return known
        lowered = code.lower()
        family = next((found for word, found in _FAMILIES if word in lowered), None)
        if family is not None:
            return family
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return _DENIED
        case HTTPStatus.NOT_FOUND:
            return _ABSENT
        case HTTPStatus.CONFLICT | HTTPStatus.PRECONDITION_FAILED:
            return _BUSY if code else _RACE
        case HTTPStatus.BAD_REQUEST:
            return _REFUSED if code else _BUSY
        case _:
            return _BUSY


def problem(
    status: int, code: str | None, what: str, *, conditional: bool
) -> Conflict | StorageRefused | StorageUnavailable:
    """The answer in the words of the ports. `what` was asked for; `conditional`: it had a condition that can fail.

    A lost race is one only where there was a race: anywhere else the answer is strange, and may be another next time.
    """
    meant = meaning(status, code)
    said = f"{status} {code}" if code else str(status)
    detail = f"storage answered {said} to the request to {what}"
    match meant.means:
        case Means.RACE if conditional:
            return Conflict(detail)
        case Means.LASTS:
            return StorageRefused(meant.code, detail)
        case _:
            return StorageUnavailable(detail, meant.code)
