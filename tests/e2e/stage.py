"""What every end-to-end module starts with: a harness of its own, judged when its tests are done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from assurance import oracle
from devkit.local.azurite import Azurite
from devkit.local.harness import PATIENCE, Delivery, Harness
from devkit.local.stack import Stack

LOST = frozenset({"worker lost"})
OVERRUN = frozenset({"timed out", "worker lost"})
"""Outcomes of runs that a test brings about on purpose."""


@contextmanager
def staged(
    azurite: Azurite,
    *,
    settings: Mapping[str, str] | None = None,
    switches: Mapping[str, object] | None = None,
    options: Sequence[str] = (),
    message_limit: int | None = None,
    allowed: frozenset[str] = frozenset(),
) -> Iterator[Harness]:
    """A harness; at its end nothing is half done, no secret stands anywhere, no token went astray, no run broke.

    It takes an account of `azurite`. `allowed` are outcomes of runs that the module's tests bring about on purpose.
    """
    limits = {} if message_limit is None else {"message_limit": message_limit}
    stack = Stack(settings=settings, switches=switches, options=options, azurite=azurite)
    with Harness(stack, **limits) as harness:
        yield harness
        _nothing(oracle.aftermath(harness, allowed))


def attached(harness: Harness, file: Delivery, timeout: float = PATIENCE) -> dict[str, Any]:
    """The transfer, once it is over; and the file is attached, once, byte for byte."""
    transfer = harness.ended(file, timeout)
    _nothing(oracle.attached_once(harness, file))
    return transfer


def failed(harness: Harness, file: Delivery, timeout: float = PATIENCE) -> dict[str, Any]:
    """The failure, once the transfer is over; and nothing is attached."""
    transfer = harness.ended(file, timeout)
    assert transfer["state"] == "failed", transfer
    there = harness.graph.attachments(file.mailbox, file.item)
    assert there == [], there
    failure: dict[str, Any] = transfer["failure"]
    return failure


def runs_of(harness: Harness, after: int = 0) -> list[dict[str, Any]]:
    """The runs of transfers but the first `after` of them: those of blob and queue triggers."""
    return [run for run in harness.stack.host.invocations() if run["function"] != "sweep"][after:]


def _nothing(wrong: list[str]) -> None:
    assert not wrong, "\n".join(wrong)
