"""Spans and counters by OpenTelemetry, for deployments that ask for them; without that nothing of it is even imported.

Asked for by `telemetryMode: OpenTelemetry` (host.json, or the app setting `AzureFunctionsJobHost__telemetryMode`) and
somewhere to send it: `OTEL_EXPORTER_OTLP_ENDPOINT`, `APPLICATIONINSIGHTS_CONNECTION_STRING`, or both. With
`PYTHON_ENABLE_OPENTELEMETRY` the host leaves the worker's log lines to the worker, so that they are sent from here too
(Use OpenTelemetry with Azure Functions; azure-functions-runtime, handle_event.py).

No library is instrumented: that would write down the URL of each request, and an upload session's is a secret.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from shared.core.actions import Action, PutRange
from shared.core.events import Event, NotDone, RangeDenied, Refused, RunStarted, Unsure
from shared.core.history import named
from shared.core.model import State, Transfer
from shared.settings.forms import is_guid
from shared.settings.hostfile import read_host_file
from shared.storage.ports import Checkpoint

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

NAME = "outlook-attachment-drop"
OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"
INSIGHTS = "APPLICATIONINSIGHTS_CONNECTION_STRING"
WORKER_SENDS_LOGS = "PYTHON_ENABLE_OPENTELEMETRY"
TOO_MANY_REQUESTS = 429

_BILLION = 1_000_000_000
_UNRESOLVED = (
    "is a reference that the platform has not resolved: check the vault, the secret and the app's access to it"
)


def is_wanted(environ: Mapping[str, str], host_json_text: str) -> bool:
    """True where the host is in OpenTelemetry mode and there is somewhere usable to send to. host.json was checked."""
    environ = usable(environ)
    mode = read_host_file(environ, host_json_text).text("telemetryMode") or ""
    return mode.lower() == "opentelemetry" and bool(environ.get(OTLP) or environ.get(INSIGHTS))


def unusable(environ: Mapping[str, str]) -> dict[str, str]:
    """Each setting that says where telemetry goes and cannot be meant, with what is wrong. Never its value."""
    found = {}
    insights = (environ.get(INSIGHTS) or "").strip()
    if insights and _insights_problem(insights):
        found[INSIGHTS] = _insights_problem(insights)
    otlp = (environ.get(OTLP) or "").strip()
    if otlp and not re.fullmatch(r"https?://[^\s/]+\S*", otlp):
        found[OTLP] = _UNRESOLVED if otlp.startswith("@") else "is no http:// or https:// address"
    return found


def usable(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without the settings that `unusable` names."""
    wrong = unusable(environ)
    return {name: value for name, value in environ.items() if name not in wrong}


def _insights_problem(text: str) -> str:
    """What keeps Application Insights' exporter from taking a connection string; empty where nothing does.

    As strict as the exporter is: parts are Name=Value, and the instrumentation key is a GUID
    (azure-monitor-opentelemetry-exporter, ConnectionStringParser).
    """
    if text.startswith("@"):
        return _UNRESOLVED
    pairs = [part.partition("=") for part in text.split(";") if part.strip()]
    parts = {name.strip().lower(): value.strip() for name, equals, value in pairs if equals}
    if len(parts) != len(pairs):
        return "is no connection string: parts are Name=Value, separated by semicolons"
    if not is_guid(parts.get("instrumentationkey", "")):
        return "has no InstrumentationKey that is a GUID"
    return ""


class Telemetry:
    """Implements `Observer` and `Outcomes` as spans and counters. Safe to share between threads.

    Spans: `transfer run`, and below it one for each request to Graph, `put range` among them. Counters: transfers
    attached, failed (by code) and cancelled; bytes that Graph confirmed; answers that asked to slow down; and the age
    of the oldest unfinished transfer, seconds. Attributes never hold a URL, a token or a name.
    """

    def __init__(self, tracers: TracerProvider, meters: MeterProvider) -> None:
        self._tracer = tracers.get_tracer(NAME)
        meter = meters.get_meter(NAME)
        self._ended = {
            State.ATTACHED: meter.create_counter("drop.transfers.attached"),
            State.FAILED: meter.create_counter("drop.transfers.failed"),
            State.CANCELLED: meter.create_counter("drop.transfers.cancelled"),
        }
        self._bytes = meter.create_counter("drop.bytes.confirmed", unit="By")
        self._throttled = meter.create_counter("drop.graph.throttled")
        self._oldest = meter.create_gauge("drop.transfers.oldest_unfinished", unit="s")
        self._run: ContextVar[tuple[Span, Token[Context]] | None] = ContextVar("drop.run", default=None)

    @contextmanager
    def invocation(self) -> Iterator[None]:
        """Around one invocation of a trigger: whatever run begins in it ends with it."""
        from opentelemetry import context

        outer = self._run.set(None)
        try:
            yield
        finally:
            begun = self._run.get()
            self._run.reset(outer)
            if begun is not None:
                span, token = begun
                context.detach(token)
                span.end()

    def decided(self, before: Transfer, action: Action | None, event: Event, after: Transfer, seconds: float) -> None:
        """See `Observer.decided`: a run's span begins, or one request's is written whole."""
        if isinstance(event, RunStarted):
            self._begin(after)
            return
        begun = self._run.get()
        if begun is not None:
            begun[0].set_attribute("drop.state", after.state.value)
        graph = event.failure.graph if isinstance(event, Refused) else event.graph
        if graph is not None and graph.status == TOO_MANY_REQUESTS:
            self._throttled.add(1)
        self._bytes.add(max(0, after.bytes_confirmed - before.bytes_confirmed))
        if action is None or seconds <= 0:
            return
        ended_at = time.time_ns()
        facts: dict[str, str | int | None] = {
            "drop.transfer.id": after.id,
            "drop.state": before.state.value,
            "drop.outcome": named(event),
            "drop.code": event.code.value if isinstance(event, NotDone | Unsure | RangeDenied) else None,
            "drop.offset": action.offset if isinstance(action, PutRange) else None,
            "drop.length": action.length if isinstance(action, PutRange) else None,
            "drop.graph.status": graph.status if graph is not None else None,
            "drop.graph.request_id": graph.request_id if graph is not None else None,
        }
        self._tracer.start_span(
            named(action),
            start_time=ended_at - round(seconds * _BILLION),
            attributes={name: fact for name, fact in facts.items() if fact is not None},
        ).end(ended_at)

    def _begin(self, transfer: Transfer) -> None:
        """One run's span, current until the invocation is over: log lines and requests belong to it."""
        from opentelemetry import context, trace

        span = self._tracer.start_span("transfer run")
        span.set_attribute("drop.transfer.id", transfer.id)
        span.set_attribute("drop.transfer.bytes", transfer.size)
        span.set_attribute("drop.run", transfer.runs)
        self._run.set((span, context.attach(trace.set_span_in_context(span))))

    def handed_over(self, transfer_id: str) -> None:
        """See `Observer.handed_over`."""
        begun = self._run.get()
        if begun is not None:
            begun[0].set_attribute("drop.handed_over_by", transfer_id)

    def notify(self, checkpoint: Checkpoint) -> None:
        """See `Outcomes.notify`. A process that dies during it has an outcome counted twice."""
        transfer = checkpoint.instance
        code = {"code": transfer.failure.code.value} if transfer.failure is not None else {}
        self._ended[transfer.state].add(1, code)

    def oldest_unfinished(self, seconds: float) -> None:
        """The age of the oldest unfinished transfer; 0 where there is none."""
        self._oldest.set(seconds)


def start(environ: Mapping[str, str]) -> Telemetry:
    """The telemetry that `is_wanted`: providers of its own, sending in the background, and nothing instrumented."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": environ.get("WEBSITE_SITE_NAME") or NAME})  # OTEL_SERVICE_NAME wins
    tracers = TracerProvider(resource=resource)
    readers = []
    for spans, metrics in _exporters(environ):
        tracers.add_span_processor(BatchSpanProcessor(spans))
        readers.append(PeriodicExportingMetricReader(metrics))
    if environ.get(WORKER_SENDS_LOGS, "").lower() in {"1", "true"}:
        _send_logs(environ, resource)
    return Telemetry(tracers, MeterProvider(readers, resource=resource))


def _exporters(environ: Mapping[str, str]) -> Iterator[tuple[Any, Any]]:
    """Exporters of spans and metrics, a pair for each place to send to."""
    if environ.get(OTLP):
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        yield OTLPSpanExporter(), OTLPMetricExporter()
    if environ.get(INSIGHTS):
        from azure.monitor.opentelemetry.exporter import (
            AzureMonitorMetricExporter,
            AzureMonitorTraceExporter,
        )

        yield AzureMonitorTraceExporter(), AzureMonitorMetricExporter()


def _send_logs(environ: Mapping[str, str], resource: Any) -> None:
    """Send every log line of the app: the host does not any more."""
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider(resource=resource)
    if environ.get(OTLP):
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

        provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    if environ.get(INSIGHTS):
        from azure.monitor.opentelemetry.exporter import AzureMonitorLogExporter

        provider.add_log_record_processor(BatchLogRecordProcessor(AzureMonitorLogExporter()))
    logging.getLogger().addHandler(LineSender(provider))


class LineSender(logging.Handler):
    """Hands log lines to OpenTelemetry as they are, with the span that they were written in."""

    def __init__(self, provider: LoggerProvider) -> None:
        super().__init__(logging.INFO)
        self._provider = provider

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler.emit`. The exporters' own lines are left out, or they would go in circles."""
        from opentelemetry._logs import LogRecord, SeverityNumber

        if record.name.startswith(("opentelemetry", "azure", "urllib3")):
            return
        try:
            severity = SeverityNumber.ERROR if record.levelno >= logging.ERROR else SeverityNumber.INFO
            at = round(record.created * _BILLION)
            line = LogRecord(
                timestamp=at,
                observed_timestamp=at,
                severity_text=record.levelname,
                severity_number=severity,
                body=self.format(record),
            )
            self._provider.get_logger(record.name).emit(line)
        except Exception:  # noqa: BLE001 - as every handler: logging must never break what it tells of
            self.handleError(record)
