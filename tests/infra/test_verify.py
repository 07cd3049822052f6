"""`deploy.sh verify`: every check is made; what is wrong, or could not be looked at, is said with what to do."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.az import rights
from tests.infra.az.world import group_id
from tests.infra.playing_app import App, handler, serving
from tests.infra.stand_in import (
    FUNCTION_KEY,
    GROUP,
    PRINCIPAL_ID,
    ROOT,
    SUBSCRIPTION_ID,
    TENANT_ID,
    AzureStub,
    subscription,
)

if TYPE_CHECKING:
    import subprocess


@pytest.fixture
def app(azure: AzureStub) -> Iterator[App]:
    playing = App(azure)
    with serving(handler(playing)) as playing.root:
        yield playing


def verified(azure: AzureStub, app: App, *more: str) -> subprocess.CompletedProcess[str]:
    return azure.run("verify", "contoso", "--app-root", app.root, *more)


def line(done: subprocess.CompletedProcess[str], check: str) -> str:
    (found,) = [text for text in done.stdout.splitlines() if check in text and not text.startswith("  waiting")]
    return " ".join(found.split())


def test_a_sound_deployment_passes_every_check(azure: AzureStub, app: App) -> None:
    done = verified(azure, app)
    assert done.returncode == 0, done.stdout + done.stderr
    checks = [text for text in done.stdout.splitlines() if not text.startswith("  waiting")]
    assert len(checks) == 9
    assert all(text.startswith("  ok ") for text in checks)


def test_the_document_shows_what_is_printed_before_the_runbook_was_run(azure: AzureStub, app: App) -> None:
    app.fates["orders%40contoso.test"] = [("failed", "ACCESS_DENIED")]
    done = verified(azure, app)
    checks = [text for text in done.stdout.splitlines() if not text.startswith("  waiting")]
    assert "```\n" + "\n".join(checks) + "\n```" in (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


def test_the_probes_are_taken_away_again(azure: AzureStub, app: App) -> None:
    verified(azure, app)
    dropped = {call[call.index("--name") + 1] for call in app.uploads()}
    deleted = {call[call.index("--name") + 1] for call in azure.calls("az", "storage", "blob", "delete")}
    assert dropped == deleted
    assert len(dropped) == 2
    assert app.deleted == ["t0", "t1"]


def test_a_probe_is_dropped_by_identity_and_names_a_message_that_cannot_exist(azure: AzureStub, app: App) -> None:
    verified(azure, app)
    for call in app.uploads():
        assert call[call.index("--auth-mode") + 1] == "login"
        mailbox, message = call[call.index("--metadata") + 1 :][:2]
        assert mailbox.startswith("mailbox=")
        assert message.startswith("internetmessageid=%3C")
        assert message.endswith("%40verify.invalid%3E")


def test_the_function_key_travels_in_a_header_and_is_printed_nowhere(azure: AzureStub, app: App) -> None:
    done = verified(azure, app)
    assert app.keys == {FUNCTION_KEY}
    assert FUNCTION_KEY not in done.stdout + done.stderr
    assert not [call for call in azure.calls() if FUNCTION_KEY in call]


@pytest.mark.parametrize(
    ("fate", "verdict"),
    [
        (("failed", "ACCESS_DENIED"), "WRONG reachableMailbox orders@contoso.test: access denied. Exchange needs 30"),
        (("waiting", "ACCESS_DENIED"), "WRONG reachableMailbox orders@contoso.test: access denied. Exchange needs 30"),
        (("waiting", "TOKEN_REJECTED"), "WRONG reachableMailbox orders@contoso.test: the probe waits: TOKEN_REJECTED"),
        (("waiting", "TARGET_NOT_FOUND"), "ok reachableMailbox orders@contoso.test: reached"),
        (("waiting", None), "ok reachableMailbox orders@contoso.test: reached"),  # an app of an earlier version
        (
            ("failed", "MAILBOX_NOT_FOUND"),
            "WRONG reachableMailbox orders@contoso.test: the probe ended failed MAILBOX_",
        ),
        (("failed", "TARGET_NOT_FOUND"), "ok reachableMailbox orders@contoso.test: reached"),
    ],
)
def test_the_mailbox_that_should_be_reached(azure: AzureStub, app: App, fate: tuple[str, str], verdict: str) -> None:
    app.fates["orders%40contoso.test"] = [fate]
    done = verified(azure, app)
    assert line(done, "reachableMailbox").startswith(verdict)
    assert (done.returncode == 0) == verdict.startswith("ok")


@pytest.mark.parametrize(
    ("fate", "verdict"),
    [
        (
            ("waiting", "TARGET_NOT_FOUND"),
            "WRONG refusedMailbox director@contoso.test: REACHED, although it must not be",
        ),
        (("waiting", "ACCESS_DENIED"), "ok refusedMailbox director@contoso.test: refused by Exchange"),
        (("failed", "ACCESS_DENIED"), "ok refusedMailbox director@contoso.test: refused by Exchange"),
        (("failed", "MAILBOX_NOT_ALLOWED"), "ok refusedMailbox director@contoso.test: refused by ALLOWED_MAILBOXES"),
        (("attached", None), "WRONG refusedMailbox director@contoso.test: the probe ended attached"),
    ],
)
def test_the_mailbox_that_should_be_refused(azure: AzureStub, app: App, fate: tuple[str, str], verdict: str) -> None:
    app.fates["director%40contoso.test"] = [fate]
    done = verified(azure, app)
    assert line(done, "refusedMailbox").startswith(verdict)
    assert (done.returncode == 0) == verdict.startswith("ok")


def test_a_probe_that_nothing_comes_of_shows_that_events_are_not_delivered(azure: AzureStub, app: App) -> None:
    app.listed = list  # type: ignore[method-assign]
    done = verified(azure, app, "--patience-seconds", "0.2")
    assert done.returncode == 1
    assert "UNKNOWN reachableMailbox orders@contoso.test: Gave up waiting for the probe file" in line(done, "reachable")
    assert len(azure.calls("az", "storage", "blob", "delete")) == 2


def test_a_tenant_wide_mailbox_role_is_found(azure: AzureStub, app: App) -> None:
    with azure.state() as data:
        data["directories"][TENANT_ID]["servicePrincipals"][PRINCIPAL_ID] = ["e2a3a72e-5f79-4c64-b1b1-878b674786c9"]
    done = verified(azure, app)
    assert done.returncode == 1
    assert "WRONG no tenant-wide mailbox roles: the identity holds Mail.ReadWrite for ALL mailboxes" in line(
        done, "roles"
    )


def test_what_may_not_be_looked_at_is_unknown_and_not_good(azure: AzureStub, app: App) -> None:
    azure.answers("rest", RuntimeError("Authorization_RequestDenied: Insufficient privileges"))
    done = verified(azure, app)
    assert done.returncode == 1
    assert line(done, "roles").startswith("UNKNOWN no tenant-wide mailbox roles: az rest")


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (subscription(state="Failed"), "state Failed"),
        (subscription("func-old.azurewebsites.net"), "it calls https://func-old"),
        (
            subscription(watches="/blobServices/default/containers/drop"),
            "it watches /blob",
        ),
        (None, "state None"),
    ],
)
def test_a_subscription_that_is_not_the_right_one_is_found(
    azure: AzureStub, app: App, facts: Any, verdict: str
) -> None:
    azure.answers("eventgrid system-topic event-subscription show", facts)
    done = verified(azure, app)
    assert done.returncode == 1
    found = line(done, "subscription is in force")
    assert found.startswith(f"WRONG subscription is in force: {verdict}")
    assert found.endswith("infra/deploy.sh connect contoso")


def test_a_stopped_app_an_unhealthy_one_and_a_missing_key_are_found_together(azure: AzureStub, app: App) -> None:
    with azure.group() as group:
        group["app"]["state"] = "Stopped"
        group["app"]["key"] = ""
    app.health = (503, {"storage": "down"})
    done = verified(azure, app, "--patience-seconds", "0.2")
    assert done.returncode == 1
    assert line(done, "app runs") == "WRONG app runs: state Stopped"
    assert line(done, "app is healthy") == "WRONG app is healthy: HTTP 503 {'storage': 'down'}"
    assert line(done, "webhook's key is there").startswith("WRONG")


def test_on_a_busy_tenant_the_probe_is_found_on_a_later_page(azure: AzureStub, app: App) -> None:
    app.others = 450
    done = verified(azure, app)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "a cancelled pipeline"])
def test_an_interrupted_probe_is_taken_away(azure: AzureStub, app: App, signal_: signal.Signals) -> None:
    dropped = threading.Event()
    running: list[int] = []

    def transfers() -> list[dict[str, Any]]:
        if not dropped.is_set():
            dropped.set()
            os.kill(running[0], signal_)
        return App.listed(app)

    app.listed = transfers  # type: ignore[method-assign]
    app.fates["orders%40contoso.test"] = [("queued", None)]
    process = azure.start("verify", "contoso", "--app-root", app.root)
    running.append(process.pid)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "Stopped." in err
    with azure.group() as group:
        assert group["blobs"]["drop"] == {}
    assert app.deleted == ["t0"]


def blob_written(minutes_ago: float) -> dict[str, Any]:
    written = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    return {"container": "drop", "metadata": {}, "lastModified": written.isoformat(timespec="seconds")}


def test_what_a_killed_verify_dropped_is_taken_away_by_a_later_one(azure: AzureStub, app: App) -> None:
    dropped = threading.Event()

    def transfers() -> list[dict[str, Any]]:
        dropped.set()
        return []

    app.listed = transfers  # type: ignore[method-assign]
    process = azure.start("verify", "contoso", "--app-root", app.root)
    assert dropped.wait(60)
    process.kill()
    process.communicate(timeout=60)
    with azure.group() as group:
        (left,) = group["blobs"]["drop"]
        group["blobs"]["drop"][left]["lastModified"] = blob_written(61)["lastModified"]
    del app.listed
    done = verified(azure, app)
    assert f"taking away {left}, which an earlier verify left" in done.stdout
    assert done.returncode == 0, done.stdout + done.stderr
    with azure.group() as group:
        assert group["blobs"]["drop"] == {}


def test_another_verifys_fresh_probe_and_everybodys_files_are_left_alone(azure: AzureStub, app: App) -> None:
    others = {"verify/fresh.txt": blob_written(59), "verified.pdf": blob_written(90), "a/verify/b": blob_written(90)}
    with azure.group() as group:
        group["blobs"]["drop"] = dict(others)
    assert verified(azure, app).returncode == 0
    with azure.group() as group:
        assert group["blobs"]["drop"] == others


def test_a_right_to_list_that_is_missing_keeps_no_check_from_being_made(azure: AzureStub, app: App) -> None:
    azure.answers("storage blob list", RuntimeError("You do not have the required permissions"))
    done = verified(azure, app)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "could not look for probes of an earlier verify" in done.stdout


def test_a_probe_that_may_not_be_deleted_is_named(azure: AzureStub, app: App) -> None:
    azure.answers("storage blob delete", RuntimeError("You do not have the required permissions"))
    done = verified(azure, app)
    assert "could not be taken away, delete it by hand" in done.stdout


def test_rights_that_the_file_does_not_name_are_found(azure: AzureStub, app: App) -> None:
    with azure.state() as data:
        data["people"]["guest"] = {"objectId": "cccccccc-0000-4000-8000-000000000001", "directory": []}
    storage = "/providers/Microsoft.Storage/storageAccounts/stdropcontoso/blobServices/default/containers/checkpoints"
    azure.grant(rights.BLOB_READER, group_id(SUBSCRIPTION_ID, GROUP) + storage, "guest")
    done = verified(azure, app)
    assert done.returncode == 1
    found = line(done, "rights on the containers")
    assert found.startswith("WRONG rights on the containers: somebody has more than the tenant's file says: User cccc")


def test_mailboxes_that_the_file_does_not_name_are_not_called_good(azure: AzureStub, app: App) -> None:
    file = azure.folder / "infra" / "tenants" / "contoso.bicepparam"
    kept = [text for text in file.read_text().splitlines() if "refusedMailbox" not in text]
    file.write_text("\n".join(kept))
    done = verified(azure, app)
    assert done.returncode == 1
    assert line(done, "refusedMailbox") == "UNKNOWN refusedMailbox: the tenant file gives no address"
