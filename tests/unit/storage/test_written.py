"""What is written beside a checkpoint, and how a continuation is put on its queue: request by request."""

from __future__ import annotations

import base64
import json
import zlib
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError

from shared.core.model import State
from shared.storage.access import StorageAccess
from shared.storage.checkpoints import CheckpointContainer
from shared.storage.ports import Checkpoint
from shared.storage.queue import LONGEST_DELAY, Continuations, Messages
from tests.unit.core.shapes import transfer


class Blobs:
    """Stands for the blob service: remembers what was uploaded."""

    def __init__(self) -> None:
        self.uploads: list[tuple[str, bytes, dict[str, Any]]] = []
        self._name = ""

    def get_blob_client(self, container: str, name: str) -> Blobs:
        self._name = f"{container}/{name}"
        return self

    def upload_blob(self, data: bytes, **given: Any) -> dict[str, str]:
        self.uploads.append((self._name, data, given))
        return {"etag": "written"}

    def get_blob_properties(self) -> Any:
        given: dict[str, Any] = self._found()[2]
        return SimpleNamespace(metadata=given["metadata"], etag="written")

    def download_blob(self) -> Any:
        text = self._found()[1]
        return SimpleNamespace(readall=lambda: text, properties=self.get_blob_properties())

    def _found(self) -> tuple[str, bytes, dict[str, Any]]:
        found = [upload for upload in self.uploads if upload[0] == self._name]
        if not found:
            raise ResourceNotFoundError
        return found[-1]


class Access:
    """Stands for the account."""

    def __init__(self, *, queue_exists: bool = True) -> None:
        self.blobs = Blobs()
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.exists = queue_exists

    def queue(self, name: str) -> Access:
        assert name == "transfers"
        return self

    def send_message(self, text: str, **given: Any) -> Any:
        if not self.exists:
            raise ResourceNotFoundError
        self.sent.append((text, given))
        return SimpleNamespace(id="1", pop_receipt="r")

    def create_queue(self) -> None:
        self.exists = True


def container(access: Any) -> CheckpointContainer:
    return CheckpointContainer(access, "checkpoints")


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("how", ["create", "save"])
def test_a_checkpoints_metadata_say_what_the_checkpoint_says(state: State, how: str) -> None:
    access = Access()
    written = Checkpoint(transfer(state), None, "w")
    if how == "create":
        container(access).create(written)
    else:
        container(access).save(written, "etag")
    [(name, text, given)] = access.blobs.uploads
    said = json.loads(text)["transfer"]
    assert name == f"checkpoints/transfers/{said['id']}.json"
    assert given["metadata"]["state"] == said.get("state", "planned") == state.value
    shown = json.loads(zlib.decompress(base64.b64decode(given["metadata"]["summary"])))["transfer"]
    keys = ("id", "state", "plan")
    assert {key: shown.get(key) for key in keys} == {key: said.get(key) for key in keys}
    assert given["content_settings"].content_type == "application/json"


def test_a_save_names_the_version_that_it_replaces_and_a_creation_replaces_none() -> None:
    access = Access()
    container(access).create(Checkpoint(transfer(), None, "w"))
    container(access).save(Checkpoint(transfer(), None, "w"), "the etag")
    (_, _, created), (_, _, saved) = access.blobs.uploads
    assert created["overwrite"] is False
    assert saved["etag"] == "the etag"
    assert saved["match_condition"].name == "IfNotModified"


@pytest.mark.parametrize("exists", [True, False], ids=["the queue is there", "the queue is missing"])
def test_a_continuation_never_lapses(exists: bool) -> None:
    """Storage's own default is seven days; an instance may be down for longer."""
    access: Any = Access(queue_exists=exists)
    Continuations(Messages(access, "transfers")).send("0" * 32, 5)
    [(text, given)] = access.sent
    assert json.loads(text)["transferId"] == "0" * 32
    assert given == {"visibility_timeout": 5, "time_to_live": -1}


@pytest.mark.parametrize(
    ("delay", "seconds"), [(0, 0), (-1, 0), (0.1, 1), (29.001, 30), (30, 30), (10**9, LONGEST_DELAY)]
)
def test_a_message_shows_up_in_whole_seconds_and_never_early(delay: float, seconds: int) -> None:
    access: Any = Access()
    Messages(access, "transfers").put("text", delay)
    [(_, given)] = access.sent
    assert given["visibility_timeout"] == seconds


@pytest.mark.parametrize("summed", [True, False], ids=["from the summary", "from the checkpoint"])
def test_a_glance_is_at_the_transfer_that_was_asked_for(summed: bool) -> None:
    access = Access()
    mine, other = transfer(State.PLANNED), "0" * 32
    container(access).create(Checkpoint(mine, None, "w"))
    if not summed:
        access.blobs.uploads[0][2]["metadata"].pop("summary")
    found = container(access).load_summary(mine.id)
    assert found is not None
    assert (found.id, found.state) == (mine.id, mine.state)
    assert container(access).load_summary(other) is None


@pytest.mark.parametrize("managed", [True, False])
def test_queues_are_signed_in_to_by_the_identity(managed: bool) -> None:
    access = StorageAccess(
        connection_string=None,
        blob_uri="https://stdrop.blob.core.windows.net",
        queue_uri="https://stdrop.queue.core.windows.net",
        client_id="44444444-4444-4444-8444-444444444444" if managed else None,
        managed=managed,
    )
    assert access.queue("transfers").credential is access._credential
    assert access.blobs.credential is access._credential
