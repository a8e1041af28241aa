"""What is counted, in the text format of Prometheus. Every label is from a closed list (docs/design/operations.md)."""

import asyncio
from collections.abc import Iterator, Mapping
from importlib.metadata import version

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.responses import Response
from typing_extensions import override

from onrecord.entrypoints.api.replies import HEADERS
from onrecord.entrypoints.api.route import Call
from onrecord.workflow import subscriptions
from onrecord.workflow.alarms import Alarm
from onrecord.workflow.deployment import Deployment, Disk
from onrecord.workflow.health import Trouble, troubles
from onrecord.workflow.measures import Histogram, streams_by_door
from onrecord.workflow.outbox_keeper import standing
from onrecord.workflow.outbox_lane import RESULTS

LOOK_SECONDS = 1.0


async def show(call: Call) -> Response:
    return Response(text(call.d, await _look(call.d)), 200, HEADERS, CONTENT_TYPE_PLAIN_0_0_4)


def text(d: Deployment, disk: Disk) -> bytes:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Plane(d, disk))
    return generate_latest(registry)


async def _look(d: Deployment) -> Disk:
    """A disk that does not answer in a second is left out: that is when the rest is wanted."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(d.executor, d.disk)
    except (TimeoutError, OSError):
        return Disk()


class _Plane(Collector):
    def __init__(self, d: Deployment, disk: Disk) -> None:
        self._d = d
        self._disk = disk

    @override
    def collect(self) -> Iterator[Metric]:
        yield from _standing(self._d)
        yield from _media(self._d)
        yield from _record(self._d)
        yield from _outbox(self._d)
        yield from _requests(self._d)
        yield from _process(self._d, self._disk)


def _standing(d: Deployment) -> Iterator[Metric]:
    found = troubles(d)
    yield _gauge("ready", "1 while nothing stands in the way of work.", 0 if found else 1)
    yield _gauges("trouble", "1 while this stands in the way.", "code", {t.value: t.value in found for t in Trouble})
    active, raised = d.measures.alarms_active, d.measures.alarms
    yield _gauges("alarms_active", "Alarms that stand.", "alarm", {a.value: active[a] for a in Alarm})
    yield _counters("alarms", "Alarms that were raised.", "alarm", {a.value: raised[a] for a in Alarm})


def _media(d: Deployment) -> Iterator[Metric]:
    yield _gauges("streams_live", "Media streams that are open.", "door", streams_by_door(d.live.values()))
    behind = sum(len(live.overloads) for live in d.live.values())
    yield _gauge("streams_overloaded", "Streams whose gates are shut until their input is caught up with.", behind)
    told = "Media by what became of it, in frames of 20 ms; `received` is what came."
    yield _counters("frames", told, "fate", d.measures.frames.totals(d.live.values()))
    lost = d.measures.segments_lost
    yield CounterMetricFamily("onrecord_segments_lost", "Segments of sound that could not be stored.", value=lost)
    told = "From the arrival of what closes to the gates being closed."
    yield _histogram("gate_close_seconds", told, d.measures.close_seconds)


def _record(d: Deployment) -> Iterator[Metric]:
    yield _counters("events", "Events made durable, by their type.", "type", d.measures.events)
    yield _counters("flags", "Flags raised by what was told.", "flag", d.measures.flags)
    yield _histogram("group_events", "Events of one durable group.", d.measures.group_events)
    yield _histogram("commit_seconds", "Writing one group and waiting for its fsync.", d.measures.commit_seconds)
    yield _gauge("log_leaves", "Entries of the log.", d.sequencer.size)
    yield _gauge("interactions_in_memory", "Conversations that this process holds.", len(d.live))


def _outbox(d: Deployment) -> Iterator[Metric]:
    depth, oldest = standing(d)
    yield _gauge("outbox_waiting", "Commands that a capture system has not followed yet.", depth)
    yield _gauge("outbox_oldest_seconds", "How long the oldest of them has been.", oldest)
    told = "Attempts to deliver a command and to read it back, by what came of them."
    waiting = sum(each.on_record for each in d.subscribers.known.values())
    yield _gauge("webhooks_waiting", "Messages that a subscriber has not taken yet.", waiting)
    results = {name: d.subscribers.results[name] for name in subscriptions.RESULTS}
    yield _counters("webhooks", "Messages to subscribers, by what came of each attempt.", "result", results)
    yield _counters("deliveries", told, "result", {name: d.outbox.results[name] for name in RESULTS})


def _requests(d: Deployment) -> Iterator[Metric]:
    total = CounterMetricFamily(
        "onrecord_http_requests", "Requests answered, by operation.", labels=("operation", "status")
    )
    for (operation, hundreds), count in d.measures.requests.items():
        total.add_metric((operation, f"{hundreds}xx"), count)
    yield total
    took = HistogramMetricFamily(
        "onrecord_http_request_seconds", "From the head of a request to its answer.", labels=("operation",)
    )
    for operation, histogram in d.measures.request_seconds.items():
        took.add_metric((operation,), *_read(histogram))
    yield took


def _process(d: Deployment, disk: Disk) -> Iterator[Metric]:
    yield _gauges("build_info", "1; the version that runs.", "version", {version("onrecord"): 1})
    yield _histogram("loop_lag_seconds", "How late the event loop wakes.", d.measures.loop_lag)
    if disk.wal is not None:
        yield _gauge("wal_bytes", "Write-ahead log of the event store.", disk.wal)
    if disk.free is not None:
        yield _gauge("disk_free_bytes", "What is free where the data are.", disk.free)


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(f"onrecord_{name}", told, value=value)


def _gauges(name: str, told: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"onrecord_{name}", told, labels=(label,))
    for word, value in values.items():
        family.add_metric((word,), value)
    return family


def _counters(name: str, told: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(f"onrecord_{name}", told, labels=(label,))
    for word, value in values.items():
        family.add_metric((word,), value)
    return family


def _histogram(name: str, told: str, histogram: Histogram) -> Metric:
    buckets, total = _read(histogram)
    return HistogramMetricFamily(f"onrecord_{name}", told, buckets=buckets, sum_value=total)


def _read(histogram: Histogram) -> tuple[list[tuple[str, float]], float]:
    buckets, total = histogram.read()
    return [("+Inf" if bound == float("inf") else str(bound), count) for bound, count in buckets], total
