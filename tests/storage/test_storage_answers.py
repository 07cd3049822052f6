"""Storage that refuses, in the service's own words: the real adapters through the stand-in, and the simulation's.

Both read the answer by the same table; what a call raises is what a run, the sweep and the API decide by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from assurance.simulation.unkind import Answer, Unkind
from devkit.local import storage_answers as answers
from devkit.local.azurite import Azurite
from devkit.local.storage_answers import Rule, StorageAnswers
from shared.core.errors import Code
from shared.core.sweep_cursor import Kind, SweepCursor, Trouble
from shared.storage import health_probes
from shared.storage.listing import Listing
from shared.storage.outcome_index import BlobOutcomeIndex
from shared.storage.places import Wanted
from shared.storage.ports import (
    Conflict,
    ContinuationRefused,
    SourceUnreadable,
    StorageRefused,
    StorageUnavailable,
)
from tests.storage.rooms import NOW, AzuriteRoom, MemoryRoom, Room, checkpoint, transfer

pytestmark = pytest.mark.xdist_group("storage answers")


@pytest.fixture
def storage(azurite: Azurite) -> Iterator[StorageAnswers]:
    with StorageAnswers(azurite.origins["Blob"]) as running:
        yield running


@pytest.fixture
def real(azurite: Azurite, storage: StorageAnswers) -> Iterator[AzuriteRoom]:
    room = AzuriteRoom(storage.through(azurite.connection_string), direct=azurite.connection_string)
    yield room
    room.close()


CALLS: dict[str, tuple[str, str, Callable[[Room], object]]] = {
    "load": ("GET .*/transfers/", "checkpoint.load", lambda room: room.checkpoints.load(transfer().id)),
    "create": ("PUT .*/transfers/", "checkpoint.create", lambda room: room.checkpoints.create(checkpoint(number=2))),
    "save": ("PUT .*/transfers/", "checkpoint.save", lambda room: room.checkpoints.save(checkpoint(), '"1"')),
    "renew": (
        "PUT .*/unfinished/",
        "checkpoint.renew_unfinished_entry",
        lambda room: room.checkpoints.renew_unfinished_entry("a"),
    ),
    "remove_unfinished_entry": (
        "DELETE .*/unfinished/",
        "checkpoint.remove_unfinished_entry",
        lambda room: room.checkpoints.remove_unfinished_entry("a"),
    ),
    "marks": ("GET .*comp=list", "checkpoint.unfinished", lambda room: room.marks.unfinished(10, None)),
    "page": ("GET .*comp=list", "source.page", lambda room: room.sources.page(None, 10)),
    "position": ("GET .*sweep.json", "position.load", lambda room: room.positions.load()),
}
CODES: list[tuple[int, str | None, type[Exception], Code]] = [
    (409, "BlobImmutableDueToPolicy", StorageRefused, Code.STORAGE_IMMUTABLE),
    (409, "BlobImmutableDueToLegalHold", StorageRefused, Code.STORAGE_IMMUTABLE),
    (412, "LeaseIdMissing", StorageRefused, Code.STORAGE_LEASED),
    (409, "BlobArchived", StorageRefused, Code.STORAGE_ARCHIVED),
    (409, "BlobBeingRehydrated", StorageUnavailable, Code.STORAGE_ARCHIVED),
    (409, "BlobUsesCustomerSpecifiedEncryption", StorageRefused, Code.STORAGE_ENCRYPTED),
    (403, "KeyVaultEncryptionKeyNotFound", StorageRefused, Code.STORAGE_ENCRYPTED),
    (403, "AccountIsDisabled", StorageRefused, Code.STORAGE_DISABLED),
    (409, "ContainerDisabled", StorageRefused, Code.STORAGE_DISABLED),
    (409, "ContainerBeingDeleted", StorageUnavailable, Code.STORAGE_UNAVAILABLE),
    (403, "AuthorizationPermissionMismatch", StorageUnavailable, Code.STORAGE_ACCESS_DENIED),
    (403, "AuthenticationFailed", StorageUnavailable, Code.STORAGE_ACCESS_DENIED),
    (400, "InvalidHeaderValue", StorageRefused, Code.STORAGE_REFUSED),
    (409, "NobodyHeardOfThis", StorageUnavailable, Code.STORAGE_UNAVAILABLE),
]


@pytest.mark.parametrize(("status", "code", "raises", "named"), CODES)
def test_every_call_says_what_storage_said_in_one_way(
    real: AzuriteRoom, storage: StorageAnswers, status: int, code: str, raises: type[Exception], named: Code
) -> None:
    real.checkpoints.create(checkpoint())
    for pattern, name, call in CALLS.values():
        storage.add(Rule(pattern, status, code))
        memory, unkind = MemoryRoom(), Unkind([Answer(status, code, name)])
        memory.checkpoints = unkind.around("checkpoint", memory.checkpoints)
        memory.marks = memory.checkpoints
        memory.sources = unkind.around("source", memory.sources)
        memory.positions = unkind.around("position", memory.positions)
        for room in (real, memory):
            with pytest.raises(raises) as caught:
                call(room)
            assert getattr(caught.value, "code", None) is named, name
        assert storage.hits() == 1, name
        storage.clear()


def test_a_race_is_lost_by_writes_with_a_condition_alone(real: AzuriteRoom, storage: StorageAnswers) -> None:
    real.checkpoints.create(checkpoint())
    for status, code in ((409, "BlobAlreadyExists"), (412, "ConditionNotMet"), (412, None), (409, None)):
        storage.clear()
        storage.add(Rule("^(PUT|DELETE) ", status, code))
        for call in ("create", "save"):
            with pytest.raises(Conflict):
                CALLS[call][2](real)
        for call in ("renew", "remove_unfinished_entry"):
            with pytest.raises(StorageUnavailable):
                CALLS[call][2](real)


@pytest.mark.parametrize(("status", "code"), [(409, "BlobAlreadyExists"), (409, None), (412, "ConditionNotMet")])
def test_a_mark_is_there_whether_or_not_a_conflict_was_one(
    real: AzuriteRoom, storage: StorageAnswers, status: int, code: str | None
) -> None:
    real.checkpoints.create(checkpoint())
    storage.add(Rule("PUT .*/unfinished/", status, code, last=1))
    assert real.checkpoints.add_unfinished_entry("a") is False
    assert [mark for mark, _ in real.marks.unfinished(10, None)[0]] == ["a"]


def test_a_container_that_is_being_deleted_is_no_mark_that_was_there(
    real: AzuriteRoom, storage: StorageAnswers
) -> None:
    storage.add(Rule("PUT .*/unfinished/", 409, "ContainerBeingDeleted"))
    with pytest.raises(StorageUnavailable):
        real.checkpoints.add_unfinished_entry("a")


# --- the file ---


def test_a_file_with_a_key_of_its_own_is_known_by_event_and_by_listing_and_named(
    real: AzuriteRoom, storage: StorageAnswers
) -> None:
    put = real.put("secret.pdf", b"12345", {"mailbox": "ada@example.org"})
    real.put("plain.pdf", b"1", {"mailbox": "ada@example.org"})
    storage.add(*answers.encrypted("secret.pdf"))
    seen = real.sources.describe("secret.pdf")
    listed = {one.source.blob: one for one in real.sources.page(None, 10)[0]}
    for dropped in (seen, listed["secret.pdf"]):
        assert dropped is not None
        assert dropped.source == put.source
        assert dropped.refusal is not None
        assert dropped.refusal.code is Code.SOURCE_ENCRYPTED
    assert listed["plain.pdf"].refusal is None


def test_a_file_in_the_archive_tier_is_named_and_one_that_is_on_its_way_back_is_waited_for(
    real: AzuriteRoom, storage: StorageAnswers
) -> None:
    source = real.put("old.pdf", b"12345").source
    storage.add(*answers.archived("old.pdf"))
    reader = real.sources.open(source)
    with pytest.raises(StorageRefused) as caught:
        reader.read(0, 5)
    assert caught.value.code is Code.SOURCE_ARCHIVED
    storage.clear()
    storage.add(Rule("^GET .*old.pdf", 409, "BlobBeingRehydrated", last=1))
    with pytest.raises(SourceUnreadable):
        reader.read(0, 5)
    assert bytes(reader.read(0, 5)) == b"12345"
    reader.close()


def test_a_condition_that_fails_although_the_file_is_the_same_is_no_change(
    real: AzuriteRoom, storage: StorageAnswers
) -> None:
    reader = real.sources.open(real.put("a.bin", b"12345").source)
    storage.add(Rule("^GET .*a.bin", 412, "ConditionNotMet", last=1))
    with pytest.raises(SourceUnreadable, match="has not changed"):
        reader.read(0, 5)
    assert bytes(reader.read(0, 5)) == b"12345"
    reader.close()


@pytest.mark.parametrize(
    ("rules", "named"),
    [(answers.leased("a.bin"), Code.STORAGE_LEASED), (answers.immutable("a.bin"), Code.STORAGE_IMMUTABLE)],
)
def test_a_file_that_may_not_be_deleted_says_why_and_one_that_is_another_is_left(
    real: AzuriteRoom, storage: StorageAnswers, rules: tuple[Rule, ...], named: Code
) -> None:
    source = real.put("a.bin", b"12345").source
    storage.add(*rules)
    with pytest.raises(StorageRefused) as caught:
        real.sources.delete(source)
    assert caught.value.code is named
    storage.clear()
    newer = real.put("a.bin", b"67890").source
    real.sources.delete(source)
    assert real.sources.describe("a.bin") is not None
    real.sources.delete(newer)
    assert real.sources.describe("a.bin") is None
    real.sources.delete(newer)


# --- listings ---


def test_a_continuation_that_expired_is_told_from_a_refused_listing(real: AzuriteRoom, storage: StorageAnswers) -> None:
    for number in range(3):
        real.put(f"{number}.bin", b"1")
        real.checkpoints.add_unfinished_entry(str(number))
    _, files = real.sources.page(None, 1)
    _, marks = real.marks.unfinished(1, None)
    storage.add(*answers.markers_expire())
    with pytest.raises(ContinuationRefused):
        real.sources.page(files, 1)
    with pytest.raises(ContinuationRefused):
        real.marks.unfinished(1, marks)
    assert len(real.sources.page(None, 1)[0]) == 1
    storage.clear()
    storage.add(Rule("comp=list", 400, "InvalidQueryParameterValue"))
    with pytest.raises(StorageRefused):
        real.sources.page(None, 1)


def test_an_archived_checkpoint_is_one_unreadable_line_of_a_listing(real: AzuriteRoom, storage: StorageAnswers) -> None:
    real.checkpoints.create(checkpoint(number=1))
    real.checkpoints.create(checkpoint(number=2))
    for number in (1, 2):
        real.checkpoints.add_unfinished_entry(transfer(number).id)
    storage.add(Rule(f"HEAD .*/transfers/{transfer(1).id}", 409, "BlobUsesCustomerSpecifiedEncryption"))
    listing = Listing(real.access, real.checkpoints._container, real.checkpoints)
    page = listing.page(Wanted("under-way"), 10, None, NOW)
    assert [one.id for one in page.transfers] == [transfer(2).id]
    assert page.unreadable == (transfer(1).id,)


# --- health ---


def test_health_notices_a_checkpoint_container_that_nobody_may_write_to(
    real: AzuriteRoom, storage: StorageAnswers
) -> None:
    real.checkpoints.create(checkpoint())
    name = real.checkpoints._container
    assert health_probes.checkpoints(real.access, name) == f"the container '{name}' takes writes"
    for rules, named in (
        (answers.immutable(f"{name}/"), Code.STORAGE_IMMUTABLE),
        (answers.leased(f"{name}/"), Code.STORAGE_LEASED),
        ((Rule("^PUT ", 403, "AuthorizationPermissionMismatch"),), Code.STORAGE_ACCESS_DENIED),
    ):
        storage.clear()
        storage.add(*rules)
        with pytest.raises((StorageRefused, StorageUnavailable)) as caught:
            health_probes.checkpoints(real.access, name)
        assert getattr(caught.value, "code", None) is named


@pytest.mark.parametrize("header", ["x-ms-has-immutability-policy", "x-ms-has-legal-hold"])
def test_health_notices_a_policy_on_the_checkpoint_container(
    real: AzuriteRoom, storage: StorageAnswers, header: str
) -> None:
    real.checkpoints.create(checkpoint())

    def with_policy(reply: answers.Reply) -> answers.Reply:
        kept = tuple(one for one in reply.headers if one[0].lower() != header)
        return answers.Reply(reply.status, (*kept, (header, "true")), reply.body)

    storage.add(Rule("restype=container", edit=with_policy))
    with pytest.raises(StorageRefused, match="STORAGE_IMMUTABLE"):
        health_probes.checkpoints(real.access, real.checkpoints._container)


def trouble(kind: Kind, key: str, code: Code) -> Trouble:
    return Trouble(kind, key, code.value, "what happened", 2, NOW, NOW)


def test_health_names_what_the_sweep_cannot_handle_and_is_down_where_storage_refuses_a_checkpoint() -> None:
    assert health_probes.sweep(None) == health_probes.sweep(SweepCursor(NOW)) == "nothing is in the sweep's way"
    bad = trouble(Kind.FILE, "in/odd.pdf", Code.SWEEP_FAILED)
    told = health_probes.sweep(SweepCursor(NOW, troubles=(bad,) * 7))
    assert "file 'in/odd.pdf' cannot be handled (SWEEP_FAILED: what happened), tried 2 times since 2026-03-02" in told
    assert told.endswith("and 2 more")
    leased = trouble(Kind.TRANSFER, "f" * 32, Code.STORAGE_LEASED)
    with pytest.raises(StorageRefused) as caught:
        health_probes.sweep(SweepCursor(NOW, troubles=(bad, leased)))
    assert caught.value.code is Code.STORAGE_LEASED
    assert "in/odd.pdf" in caught.value.detail


# --- ends, and an outage that ends ---


def test_an_end_whose_mark_may_not_be_written_says_why(real: AzuriteRoom, storage: StorageAnswers) -> None:
    real.checkpoints.create(checkpoint())
    ends = BlobOutcomeIndex(real.access, real.checkpoints._container, real.checkpoints)
    storage.add(*answers.immutable("mailboxes/"))
    with pytest.raises(StorageRefused):
        ends.notify(checkpoint())
    storage.clear()
    ends.notify(checkpoint())


def test_an_outage_ends(real: AzuriteRoom, storage: StorageAnswers) -> None:
    real.checkpoints.create(checkpoint())
    storage.add(*answers.outage(0.5))
    assert real.checkpoints.load(transfer().id) is not None, "the SDK's own tries outlast it"
    assert storage.hits() >= 1
