"""Spans for OpenTelemetry: one for each request, sent by a thread of its own over OTLP, with nothing of a text."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from server.access.call import Call

logger = logging.getLogger("midstream.server")

PATH = "/v1/traces"
"""Of a collector, behind the endpoint, as OTLP has it."""
MOST_WAITING = 4096
"""Spans that are kept for a collector that does not take them; newer ones are dropped, and counted."""
BATCH = 512
EVERY_S = 1.0
"""Between two batches, unless one is full."""
CLOSE_S = 1.0
"""For a collector that answers byte by byte: longer it is not waited for."""
PATIENCE_S = 5.0
"""In which a collector takes a batch, retries among it; one that was not taken is dropped."""


class Traces:
    """`told` with each request that is over, in any thread; `close` sends what is left."""

    def __init__(self, endpoint: str, every_s: float | None = None) -> None:
        """`endpoint`: URL of a collector, without the path."""
        self._spans = _Waiting(OTLPSpanExporter(endpoint.rstrip("/") + PATH, timeout=PATIENCE_S), every_s or EVERY_S)
        resource = Resource.create({"service.name": "midstream", "service.version": version("midstream")})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(self._spans)
        self._tracer = self._provider.get_tracer("midstream")
        self._parents = TraceContextTextMapPropagator()

    @property
    def dropped(self) -> int:
        """Spans that no collector has."""
        return self._spans.dropped

    def told(self, call: Call) -> None:
        """A request is over. Where the client's own trace is not recorded, it is not either."""
        context = self._parents.extract({"traceparent": call.traceparent}) if call.traceparent else None
        began = int(call.at * 1e9)
        span = self._tracer.start_span(
            call.route, context, SpanKind.SERVER, attributes=attributes(call), start_time=began
        )
        if call.refused or call.end == "failed":
            span.set_status(Status(StatusCode.ERROR, call.end))
        span.end(began + int(call.whole_s * 1e9))

    def close(self) -> None:
        """At most as long as a collector is waited for."""
        self._provider.shutdown()


def attributes(call: Call) -> dict[str, Any]:
    """OpenTelemetry's own names of generative models where there are such."""
    said: dict[str, Any] = {
        "midstream.face": call.face,
        "midstream.token": call.token.name if call.token else None,
        "midstream.end": call.end,
        "error.type": call.end if call.refused or call.end == "failed" else None,
    }
    if call.job:
        said |= {
            "gen_ai.operation.name": "text_completion",
            "gen_ai.provider.name": "midstream",
            "gen_ai.request.model": call.model or None,
            "gen_ai.response.model": call.version,
            "gen_ai.response.finish_reasons": [call.end],
            "gen_ai.response.time_to_first_chunk": call.first_s,
            "gen_ai.usage.input_tokens": call.prompt_tokens,
            "gen_ai.usage.cache_read.input_tokens": call.reused_tokens,
            "gen_ai.usage.output_tokens": call.generated_tokens,
            "midstream.queue_s": call.queued_s,
        }
    return {name: value for name, value in said.items() if value is not None}


class _Waiting(SpanProcessor):
    """Spans that wait for their batch, and the thread that sends them."""

    def __init__(self, exporter: SpanExporter, every_s: float) -> None:
        self._exporter, self._every_s = exporter, every_s
        self._spans: deque[ReadableSpan] = deque()
        self._wake, self._ending = threading.Event(), False
        self.dropped = 0
        self._thread = threading.Thread(target=self._send, name="spans", daemon=True)
        self._thread.start()

    def on_end(self, span: ReadableSpan) -> None:
        if not (span.context and span.context.trace_flags.sampled):
            return
        if len(self._spans) >= MOST_WAITING or self._ending:
            self.dropped += 1
            return
        self._spans.append(span)
        if len(self._spans) >= BATCH:
            self._wake.set()

    def shutdown(self) -> None:
        self._ending = True
        self._wake.set()
        self._thread.join(PATIENCE_S)
        self._exporter.shutdown()
        self._thread.join(CLOSE_S)

    def _send(self) -> None:
        while not self._ending or self._spans:
            if not self._ending:
                self._wake.wait(self._every_s)
                self._wake.clear()
            batch = [self._spans.popleft() for _ in range(min(BATCH, len(self._spans)))]
            if batch and not self._taken(batch):
                self.dropped += len(batch)
                if self._ending:  # nobody takes the rest either
                    self.dropped += len(self._spans)
                    self._spans.clear()

    def _taken(self, batch: Sequence[ReadableSpan]) -> bool:
        try:
            return self._exporter.export(batch) is SpanExportResult.SUCCESS
        except Exception as error:
            logger.error("spans cannot be sent: %s", type(error).__name__)
            return False
