"""A delivery's checkpoint as JSON and back, under the same rules as a transfer's (`codec.py`).

What cannot be read is refused and left untouched: nothing is guessed, and nothing is repaired.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from shared.core.delivery.model import DELIVERED, UNDER_WAY, Delivery, State
from shared.core.errors import Code
from shared.core.identifiers import is_item_id
from shared.engine.checkpoint import Checkpoint, Lease
from shared.engine.ports import CheckpointUnreadable
from shared.storage import codec

SCHEMA = 1
"""The version this app writes, and the newest it reads."""

_NEEDS_ITEM = UNDER_WAY | DELIVERED | {State.CHECKING, State.LOCATING, State.PRUNING, State.DISCARDING}


@dataclass(frozen=True, slots=True)
class Document:
    """The stored form: the checkpoint behind its schema version."""

    schema: int
    delivery: Delivery
    lease: Lease | None
    write: str


class DeliveryCodec:
    """Implements `Codec` for deliveries."""

    def encode(self, checkpoint: Checkpoint[Delivery]) -> bytes:
        """See `Codec.encode`."""
        document = Document(SCHEMA, checkpoint.instance, checkpoint.lease, checkpoint.write)
        return _adapter().dump_json(document, by_alias=True, exclude_defaults=True)

    def decode(self, text: bytes, instance_id: str) -> Checkpoint[Delivery]:
        """See `Codec.decode`."""
        schema = codec.schema_of(text)
        if schema > SCHEMA:
            detail = f"Checkpoint {instance_id} has schema {schema}; this version of the app reads up to {SCHEMA}."
            raise CheckpointUnreadable(Code.CHECKPOINT_NEWER, detail)
        if schema < SCHEMA:
            raise codec.unreadable(instance_id, "it is no JSON object with a schema that was ever written")
        try:
            document = _adapter().validate_json(text, strict=True)
        except ValidationError as error:
            raise codec.unreadable(instance_id, codec.where(error)) from None
        found = fault(document.delivery, instance_id)
        if found is not None:
            raise codec.unreadable(instance_id, found)
        return Checkpoint(document.delivery, document.lease, document.write)

    def metadata(self, instance: Delivery) -> dict[str, str]:
        """See `Codec.metadata`."""
        return {"state": instance.state.value}

    def hints(self, instance: Delivery) -> dict[str, str]:
        """See `Codec.hints`."""
        return self.metadata(instance)


def fault(delivery: Delivery, instance_id: str) -> str | None:
    """What this version never writes; None where nothing is wrong."""
    if delivery.id != instance_id:
        return "it belongs to another delivery"
    if delivery.item_id is None and delivery.state in _NEEDS_ITEM:
        return f"it is {delivery.state.value} and names no item"
    if delivery.item_id is not None and not is_item_id(delivery.item_id):
        return "its item's id cannot stand in a path"
    if delivery.state in UNDER_WAY and (delivery.acted_at is None or delivery.acts < 1):
        return f"it is {delivery.state.value} and announced nothing"
    if delivery.state is State.PRUNING and not delivery.surplus:
        return "it deletes drafts and names none"
    if (delivery.failure is None) != (delivery.state not in {State.FAILED, State.BLOCKED}):
        return "only what failed or is blocked says why"
    if delivery.plan.draft_name is None and delivery.state in {State.FINDING, State.COMPOSING, State.PRUNING}:
        return "it looks for a draft and has no name for it"
    return None


@cache
def _adapter() -> TypeAdapter[Document]:
    config = ConfigDict(alias_generator=to_camel, extra="forbid", populate_by_name=False)
    kind: Any = Document
    kind.__pydantic_config__ = config
    return TypeAdapter(Document)
