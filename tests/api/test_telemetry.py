"""Spans and counters: asked for or not there at all; complete, cheap to read, and without a secret."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from assurance import oracle
from assurance.fuzz import environment
from devkit.local.azurite import Azurite
from devkit.local.harness import Harness, content
from devkit.local.stack import ROOT
from shared import telemetry
from shared.composition import Composition
from shared.core import actions as ac
from shared.core import events as ev
from shared.core.errors import Code
from shared.core.model import Failure, GraphAnswer, State
from shared.settings import read
from shared.storage.ports import Checkpoint
from shared.telemetry import Telemetry, is_wanted, unusable, usable
from tests.api.collector import Collector, attributes
from tests.e2e.stage import attached, staged
from tests.unit.core.shapes import FAILURE, NOW, URL, session, transfer

MIB = 1024 * 1024
HOST_JSON = (ROOT / "host.json").read_text(encoding="utf-8")
IN_MODE = json.dumps({"version": "2.0", "telemetryMode": "OpenTelemetry"})
SOMEWHERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
INSIGHTS = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={uuid.UUID(int=7)};IngestionEndpoint=https://x"
}
REFERENCE = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/insights)"
OVERRIDE = "AzureFunctionsJobHost__telemetryMode"


@pytest.mark.parametrize(
    ("environ", "host_json", "wanted"),
    [
        ({}, HOST_JSON, False),
        (SOMEWHERE, HOST_JSON, False),
        (INSIGHTS, HOST_JSON, False),
        ({}, IN_MODE, False),
        (SOMEWHERE, IN_MODE, True),
        (INSIGHTS, IN_MODE, True),
        ({OVERRIDE: "OpenTelemetry"}, HOST_JSON, False),
        ({OVERRIDE: "OpenTelemetry", **INSIGHTS}, HOST_JSON, True),
        ({OVERRIDE.upper(): "opentelemetry", **SOMEWHERE}, HOST_JSON, True),
        ({OVERRIDE: "ApplicationInsights", **SOMEWHERE}, IN_MODE, False),
    ],
)
def test_telemetry_is_wanted_where_the_host_is_in_its_mode_and_there_is_somewhere_to_send_it(
    environ: dict[str, str], host_json: str, wanted: bool
) -> None:
    assert is_wanted(environ, host_json) == wanted


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", REFERENCE, "has not resolved"),
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", "nonsense", "is no connection string"),
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=x", "no InstrumentationKey that is a GUID"),
        (
            "APPLICATIONINSIGHTS_CONNECTION_STRING",
            "IngestionEndpoint=https://x",
            "no InstrumentationKey that is a GUID",
        ),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", REFERENCE, "has not resolved"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "is no http:// or https:// address"),
    ],
)
def test_what_telemetry_cannot_be_sent_to_is_named_and_passed_over(name: str, value: str, reason: str) -> None:
    environ = {name: value}
    assert list(unusable(environ)) == [name]
    assert reason in unusable(environ)[name]
    assert value not in unusable(environ)[name]
    assert not is_wanted(environ, IN_MODE)
    assert is_wanted({**SOMEWHERE, **INSIGHTS, **environ}, IN_MODE)


def test_what_telemetry_can_be_sent_to_is_used() -> None:
    environ = {**SOMEWHERE, **INSIGHTS}
    assert (unusable(environ), usable(environ), unusable({})) == ({}, environ, {})
    assert unusable(dict.fromkeys(environ, " ")) == {}


def test_an_exporter_that_fails_costs_telemetry_and_no_file(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(telemetry, "start", lambda _: 1 / 0)
    composition = Composition(read(environment.WHOLE, 600), wants_telemetry=True)
    assert composition.telemetry is None
    assert "telemetry_off" in caplog.text


def test_a_reference_that_nobody_resolved_leaves_an_app_that_attaches(azurite: Azurite) -> None:
    settings = {"APPLICATIONINSIGHTS_CONNECTION_STRING": REFERENCE, OVERRIDE: "OpenTelemetry"}
    with staged(azurite, settings=settings) as harness:
        attached(harness, harness.drop(content(1000)))
        assert '"event": "setting_unusable"' in harness.stack.logs
        assert "APPLICATIONINSIGHTS_CONNECTION_STRING" in harness.stack.logs


# --- in memory ------------------------------------------------------------------------------------------------------


class Watched:
    """Telemetry whose spans and numbers stay here."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.telemetry = Telemetry(tracers, MeterProvider([self.reader]))

    @property
    def numbers(self) -> dict[str, dict[str, float]]:
        """Every metric's values by the code they are for."""
        data: Any = self.reader.get_metrics_data()
        metrics = [metric for part in data.resource_metrics for scope in part.scope_metrics for metric in scope.metrics]
        return {
            metric.name: {
                str((point.attributes or {}).get("code", "")): point.value for point in metric.data.data_points
            }
            for metric in metrics
        }


@pytest.fixture
def watched() -> Watched:
    return Watched()


BEFORE = transfer(State.SENDING, session=session(8), bytes_confirmed=8, runs=2)
AFTER = transfer(State.SENDING, session=session(16), bytes_confirmed=16, runs=2)
RANGE = ac.PutRange(URL, 8, 8, 20)


def test_a_run_is_a_span_with_one_below_it_for_each_request(watched: Watched) -> None:
    telemetry = watched.telemetry
    with telemetry.invocation():
        telemetry.decided(BEFORE, None, ev.RunStarted(), BEFORE, 0)
        telemetry.decided(BEFORE, RANGE, ev.OffsetKnown(16, graph=GraphAnswer(200, None, "req-1")), AFTER, 0.25)
        telemetry.decided(AFTER, ac.PrepareCommit(), ev.CommitPrepared(), AFTER, 0)
    put, run = watched.exporter.get_finished_spans()
    assert (put.name, run.name) == ("put range", "transfer run")
    assert put.parent is not None
    assert run.context is not None
    assert put.parent.span_id == run.context.span_id
    assert put.end_time is not None
    assert put.start_time is not None
    assert put.end_time - put.start_time == 250_000_000
    assert dict(put.attributes or {}) == {
        "drop.transfer.id": "f" * 32,
        "drop.state": "sending",
        "drop.outcome": "offset known",
        "drop.offset": 8,
        "drop.length": 8,
        "drop.graph.status": 200,
        "drop.graph.request_id": "req-1",
    }
    assert (run.attributes or {})["drop.run"] == 2


def test_two_runs_in_one_process_do_not_mix(watched: Watched) -> None:
    telemetry = watched.telemetry
    for _ in range(2):
        with telemetry.invocation():
            telemetry.decided(BEFORE, None, ev.RunStarted(), BEFORE, 0)
            telemetry.decided(BEFORE, RANGE, ev.OffsetKnown(16), AFTER, 0.1)
    spans = watched.exporter.get_finished_spans()
    assert len({span.context.trace_id for span in spans if span.context}) == 2
    assert [span.name for span in spans] == ["put range", "transfer run"] * 2


def test_an_invocation_without_a_run_has_no_span(watched: Watched) -> None:
    with watched.telemetry.invocation():
        watched.telemetry.handed_over("f" * 32)
    assert watched.exporter.get_finished_spans() == ()


def test_a_run_that_breaks_ends_its_span_all_the_same(watched: Watched) -> None:
    def breaks() -> None:
        with watched.telemetry.invocation():
            watched.telemetry.decided(BEFORE, None, ev.RunStarted(), BEFORE, 0)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        breaks()
    assert [span.name for span in watched.exporter.get_finished_spans()] == ["transfer run"]


def test_ends_bytes_and_refusals_to_hurry_are_counted(watched: Watched) -> None:
    telemetry = watched.telemetry
    slow_down = ev.NotDone(Code.GRAPH_THROTTLED, 3, graph=GraphAnswer(429))
    telemetry.decided(BEFORE, RANGE, ev.OffsetKnown(16), AFTER, 0.1)
    telemetry.decided(AFTER, RANGE, ev.OffsetKnown(8), BEFORE, 0.1)
    for _ in range(2):
        telemetry.decided(BEFORE, RANGE, slow_down, BEFORE, 0.1)
    doubtful = Failure(Code.COMMIT_IN_DOUBT, "?")
    for ended in (
        transfer(State.ATTACHED, finished_at=NOW),
        transfer(State.FAILED, finished_at=NOW, failure=FAILURE),
        transfer(State.FAILED, finished_at=NOW, failure=FAILURE),
        transfer(State.FAILED, finished_at=NOW, failure=doubtful),
        transfer(State.CANCELLED, finished_at=NOW),
    ):
        telemetry.notify(Checkpoint(ended, None, "x"))
    telemetry.oldest_unfinished(42.5)
    assert watched.numbers == {
        "drop.transfers.attached": {"": 1},
        "drop.transfers.failed": {"ACCESS_DENIED": 2, "COMMIT_IN_DOUBT": 1},
        "drop.transfers.cancelled": {"": 1},
        "drop.bytes.confirmed": {"": 8},
        "drop.graph.throttled": {"": 2},
        "drop.transfers.oldest_unfinished": {"": 42.5},
    }


def test_no_span_holds_a_url_or_a_name(watched: Watched) -> None:
    telemetry = watched.telemetry
    told = Failure(Code.TARGET_NOT_FOUND, "No message in ada.lovelace@example.org", GraphAnswer(404))
    with telemetry.invocation():
        telemetry.decided(BEFORE, None, ev.RunStarted(), BEFORE, 0)
        for action in (RANGE, ac.AskSession(URL), ac.CancelSession(URL)):
            for event in (
                ev.SessionOpened(URL, NOW, 0),
                ev.Refused(told, ev.RefusedBy.GRAPH),
                ev.Unsure(Code.GRAPH_UNREACHABLE),
            ):
                telemetry.decided(BEFORE, action, event, AFTER, 0.1)
    text = "".join(span.to_json() for span in watched.exporter.get_finished_spans())
    assert "put range" in text
    assert "canary" not in text
    assert "outlook.office" not in text
    assert "lovelace" not in text


# --- from the running app -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def stage(azurite: Azurite, collector: Collector) -> Iterator[Harness]:
    settings = {
        OVERRIDE: "OpenTelemetry",
        "PYTHON_ENABLE_OPENTELEMETRY": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_BLRP_SCHEDULE_DELAY": "200",
        "OTEL_METRIC_EXPORT_INTERVAL": "300",
        "RANGE_BYTES": str(MIB),
        "ACCESS_WAIT_SECONDS": "0",
    }
    with staged(azurite, settings=settings) as running:
        yield running


@pytest.mark.e2e
@pytest.mark.xdist_group("api telemetry")
def test_the_running_app_sends_spans_numbers_and_lines(stage: Harness, collector: Collector) -> None:
    file = stage.drop(content(5 * MIB))
    ended = attached(stage, file)
    failed = stage.drop(content(10), target={"mailbox": "nobody@example.org", "messageid": "AAMk"})
    stage.ended(failed)
    wait = stage.stack.wait_until
    wait(lambda: collector.total("drop.transfers.attached") == 1, what="the attached transfer is counted")
    wait(lambda: collector.total("drop.transfers.failed") == 1, what="the failed transfer is counted")
    wait(lambda: collector.total("drop.bytes.confirmed") == 5 * MIB, what="the bytes are counted")
    stage.stack.host.run("sweep")
    wait(lambda: any(metric.name == "drop.transfers.oldest_unfinished" for metric in collector.metrics))

    def own() -> list[Any]:
        return [span for span in collector.spans if attributes(span).get("drop.transfer.id") == ended["id"]]

    wait(lambda: "transfer run" in [span.name for span in own()], what="the run's span has come")
    ranges = [span for span in own() if span.name == "put range"]
    assert [attributes(span)["drop.length"] for span in ranges] == [MIB] * 5
    [run] = [span for span in own() if span.name == "transfer run"]
    assert {span.parent_span_id for span in ranges} == {run.span_id}
    wait(lambda: any("transfer_attached" in line.body.string_value for line in collector.lines), what="lines come")
    decisions = [line for line in collector.lines if '"put range"' in line.body.string_value]
    assert {line.trace_id for line in decisions} == {run.trace_id}


@pytest.mark.e2e
@pytest.mark.xdist_group("api telemetry")
def test_nothing_that_was_sent_holds_a_secret(stage: Harness, collector: Collector) -> None:
    sent = b"".join(body for _, body in collector.bodies).decode(errors="replace")
    assert "put range" in sent
    secrets = stage.graph.secrets()
    assert secrets
    assert [secret for secret in secrets if secret in sent] == []
    assert oracle._SIGNS.findall(sent) == []
    assert stage.graph.upload_host not in sent
