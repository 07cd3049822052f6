"""The reports of operations in memory, as strict as the real ones: `test_operations_contract.py` holds both to it."""

from __future__ import annotations

from assurance.simulation.io import Gate, open_gate
from shared.storage.operations import Operation, StoredOperation, decode, encode
from shared.storage.ports import Conflict


class MemoryOperations:
    """Implements `Operations`. Keeps real bytes, so that the real codec is used."""

    def __init__(self, gate: Gate = open_gate) -> None:
        self.blobs: dict[str, tuple[bytes, str]] = {}
        self._gate = gate
        self._versions = 0

    def load(self, operation_id: str) -> StoredOperation | None:
        def effect() -> StoredOperation | None:
            held = self.blobs.get(operation_id)
            return StoredOperation(decode(held[0], operation_id), held[1]) if held is not None else None

        return self._gate("operation.load", effect)

    def create(self, operation: Operation) -> str:
        return self._gate("operation.create", lambda: self._put(operation, None))

    def save(self, operation: Operation, etag: str) -> str:
        return self._gate("operation.save", lambda: self._put(operation, etag))

    def _put(self, operation: Operation, etag: str | None) -> str:
        held = self.blobs.get(operation.id)
        if (held[1] if held is not None else None) != etag:
            raise Conflict
        self._versions += 1
        self.blobs[operation.id] = encode(operation), f'"{self._versions}"'
        return self.blobs[operation.id][1]
