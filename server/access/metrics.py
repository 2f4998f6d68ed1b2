"""The metrics page, for Prometheus: numbers of requests that are over, and of what runs now.

Names are vLLM's where it has one, with `midstream_` before them.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server.access.call import Call
from server.engine.engine import Engine

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)


class Metrics:
    """`start`, then `close`. `told` is called when a request is over, in any thread."""

    def __init__(self, engine: Engine, kind: Callable[[str], str], dropped: Callable[[], int] | None = None) -> None:
        """`kind`: what is wrong with the newest checkpoint of a model, in a word; empty: it is served. `dropped`:
        spans that no collector has; None: there are no spans."""
        self.registry = CollectorRegistry()
        self._make_histograms()
        self._make_counters()
        self.registry.register(_Now(engine, kind, dropped))
        engine.watch = self._rows.observe

    def _make_histograms(self) -> None:
        def seconds(name: str, text: str) -> Histogram:
            return Histogram(f"midstream_{name}_seconds", text, ["face"], buckets=SECONDS, registry=self.registry)

        self._queue = seconds("request_queue_time", "From a request's arrival at the engine to its first step.")
        self._first = seconds("time_to_first_token", "From a request's arrival to the first piece of its answer.")
        self._whole = seconds("e2e_request_latency", "From the arrival of a request that generates to its end.")
        self._rows = Histogram(
            "midstream_iteration_tokens", "Rows of a step: tokens of prompts and of answers.", buckets=ROWS,
            registry=self.registry,
        )  # fmt: skip

    def _make_counters(self) -> None:
        def count(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"midstream_{name}", text, labels, registry=self.registry)

        self._ends = count("request_success", "Requests that generate and were answered.", "face", "finished_reason")
        self._cancelled = count("request_cancellations", "Requests whose asker went away, or asked anew.", "face")
        self._refused = count("request_refusals", "Requests that were refused or failed.", "face", "reason")
        self._prompt = count("prompt_tokens", "Tokens of prompts.")
        self._generated = count("generation_tokens", "Tokens of answers.")
        self._hits = count("prefix_cache_hits", "Tokens of prompts that the cache held.")
        self._asked = count("prefix_cache_queries", "Tokens of prompts that the cache was asked for.")

    def told(self, call: Call) -> None:
        """A request is over."""
        if call.end == "cancelled":
            self._cancelled.labels(call.face).inc()
        elif call.refused or call.end == "failed":
            self._refused.labels(call.face, call.end).inc()
        elif call.job:
            self._ends.labels(call.face, call.end).inc()
        if not call.job:
            return
        for histogram, seconds in ((self._queue, call.queued_s), (self._first, call.first_s)):
            if seconds is not None:
                histogram.labels(call.face).observe(seconds)
        self._whole.labels(call.face).observe(call.whole_s)
        self._generated.inc(call.generated_tokens)
        self._prompt.inc(call.prompt_tokens)
        if call.lasts:
            self._asked.inc(call.prompt_tokens)
            self._hits.inc(call.reused_tokens)

    def start(self, listen: str) -> str:
        """Answers in a thread of its own; the address. Raises OSError."""
        host, _, port = listen.rpartition(":")
        if int(port):  # the page's own server would share the port with another one
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind((host.strip("[]"), int(port)))
        started: tuple[Any, threading.Thread] = start_http_server(int(port), host.strip("[]"), self.registry)
        self._server, self._thread = started
        return f"{host}:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Now(Collector):
    """What is so at the moment of being asked."""

    def __init__(self, engine: Engine, kind: Callable[[str], str], dropped: Callable[[], int] | None) -> None:
        self._engine, self._kind, self._dropped = engine, kind, dropped

    def collect(self) -> Iterator[Metric]:
        waiting = self._engine.waiting
        running = max(0, self._engine.active + self._engine.arrived - waiting)
        yield GaugeMetricFamily("midstream_num_requests_running", "Answers that are generated.", running)
        yield GaugeMetricFamily("midstream_num_requests_waiting", "Answers that have not begun.", waiting)
        info = GaugeMetricFamily("midstream_model_info", "What is served: 1.", labels=["model", "version"])
        for name, served in self._engine.models.items():
            info.add_metric([name, served.version], 1)
        yield info
        trouble = GaugeMetricFamily(
            "midstream_checkpoint_trouble", "1: a model's newest checkpoint is not the one that is served.",
            labels=["model", "kind"],
        )  # fmt: skip
        for name in self._engine.names:
            kind = self._kind(name)
            trouble.add_metric([name, kind], bool(kind))
        yield trouble
        if self._dropped:
            yield CounterMetricFamily("midstream_spans_dropped", "Spans that no collector has.", self._dropped())
