"""A checkpoint as JSON and back. The form is a contract with every earlier and later version of the app.

`schema` comes first and is looked at first: a newer one is refused with a remedy, so that a rollback does not destroy
what a newer version wrote. What never changes stands in `plan`; the rest changes with every step. Names are those of
the HTTP API. What cannot be read is refused and left untouched: nothing is guessed, and nothing is repaired. So no
value is converted from another type, no key stands twice, and `shared/storage/validation.py` has the last word.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from shared.core.errors import Code
from shared.core.model import Transfer
from shared.engine.checkpoint import Lease
from shared.storage import validation
from shared.storage.ports import Checkpoint, CheckpointUnreadable

SCHEMA = 1
"""The version this app writes, and the newest it reads."""

_ANY_SCHEMA = 10_000  # a larger number is no version of ours


@dataclass(frozen=True, slots=True)
class Document:
    """The stored form: the checkpoint behind its schema version."""

    schema: int
    transfer: Transfer
    lease: Lease | None
    write: str


def encode(checkpoint: Checkpoint) -> bytes:
    """The checkpoint as UTF-8 JSON."""
    document = Document(SCHEMA, checkpoint.instance, checkpoint.lease, checkpoint.write)
    return _adapter().dump_json(document, by_alias=True, exclude_defaults=True, exclude={"transfer": {"commit_unsent"}})


def decode(text: bytes, transfer_id: str, container: str | None = None) -> Checkpoint:
    """The checkpoint that `text` holds. `container`: where its file has to be; None = anywhere.

    Raises:
        CheckpointUnreadable: CHECKPOINT_NEWER for a newer schema; CHECKPOINT_UNREADABLE for anything else that this
            version did not write, another transfer's checkpoint included.
    """
    checkpoint = decode_part(text, transfer_id)
    first_fault = validation.first_fault(checkpoint)
    if first_fault is None and container is not None:
        first_fault = validation.outside(checkpoint, container)
    if first_fault is not None:
        raise unreadable(transfer_id, first_fault)
    return checkpoint


def decode_part(text: bytes, transfer_id: str) -> Checkpoint:
    """`decode` for a form of the checkpoint that leaves something out, and that no run goes on from."""
    schema = schema_of(text)
    if schema > SCHEMA:
        detail = f"Checkpoint {transfer_id} has schema {schema}; this version of the app reads up to {SCHEMA}."
        raise CheckpointUnreadable(Code.CHECKPOINT_NEWER, detail)
    if schema < SCHEMA:
        raise unreadable(transfer_id, "it is no JSON object with a schema that was ever written")
    try:
        document = _adapter().validate_json(text, strict=True)
    except ValidationError as error:
        raise unreadable(transfer_id, where(error)) from None
    if document.transfer.id != transfer_id:
        raise unreadable(transfer_id, "it belongs to another transfer")
    return Checkpoint(document.transfer, document.lease, document.write)


def schema_of(text: bytes) -> int:
    """The schema version; 0 where there is none to read, or where a key stands twice."""
    try:
        parsed = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return 0
    schema = parsed.get("schema") if isinstance(parsed, dict) else None
    if not isinstance(schema, int) or isinstance(schema, bool):
        return 0
    return schema if 0 < schema < _ANY_SCHEMA else 0


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two equal keys one reader takes the first, another the last: there must not be two."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice")
    return members


def unreadable(transfer_id: str, why: str) -> CheckpointUnreadable:
    """That the checkpoint is not ours to read, and why."""
    return CheckpointUnreadable(Code.CHECKPOINT_UNREADABLE, f"Checkpoint {transfer_id} cannot be read: {why}.")


def where(error: ValidationError) -> str:
    """What is wrong where; never a value, nor a key that is not ours, which may be a secret."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = first["loc"][:-1] if first["type"] == "unexpected_keyword_argument" else first["loc"]
    return f"{'.'.join(map(str, where)) or 'document'}: {first['type']}"


@cache
def _adapter() -> TypeAdapter[Document]:
    config = ConfigDict(alias_generator=to_camel, extra="forbid", populate_by_name=False)
    _configure(Document, config)
    return TypeAdapter(Document)


def _configure(kind: Any, config: ConfigDict) -> None:
    """Give pydantic's rules to the document; the core's own classes stay plain."""
    kind.__pydantic_config__ = config
