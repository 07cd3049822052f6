"""A copy from another account shows its whole length while its bytes are still on their way: it is waited for."""

from __future__ import annotations

import pytest

from assurance import oracle
from devkit.local import storage_answers as answers
from devkit.local.azurite import Azurite
from devkit.local.harness import Harness, content
from devkit.local.stack import Stack
from devkit.local.storage_answers import StorageAnswers
from tests.e2e.stage import attached

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e pending copy")]


def test_a_file_that_is_still_being_copied_is_attached_once_when_the_copy_is_done(azurite: Azurite) -> None:
    """Azurite copies at once: the stand-in before it says `pending` until it is told otherwise."""
    with StorageAnswers(azurite.origins["Blob"]) as storage, Harness(Stack(azurite=azurite, host=False)) as harness:
        stack = harness.stack
        stack.host = stack.start_host(DropStorage=storage.through(stack.connection_string))
        storage.add(*answers.copying("copied.bin", 10**6))
        file = harness.drop(content(1000), blob="copied.bin")
        stack.wait_until(
            lambda: stack.logs.count('"event": "file_not_ready"') >= 2, what="it is looked at, and looked at again"
        )
        assert "its copy is under way" in stack.logs
        assert (harness.transfer(file), harness.attachments(file)) == ({}, [])
        storage.clear()
        attached(harness, file)
        assert oracle.aftermath(harness) == []
