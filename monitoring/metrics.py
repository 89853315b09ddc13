"""What Prometheus sees. Under `up` all parts share one folder of counters, and the API shows them together."""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

SETS = Counter("virtual_ward_sets_total", "Sets of readings by what became of them", ["outcome"])
BATCH_SETS = Histogram(
    "virtual_ward_batch_sets",
    "Sets per committed batch",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
)
ALERT_LATENCY = Histogram(
    "virtual_ward_ingest_to_alert_seconds",
    "From a reading's receipt to its alert's commit",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800),
)
REQUESTS = Counter("virtual_ward_requests_total", "HTTP requests by route and status", ["route", "status"])
REQUEST_SECONDS = Histogram("virtual_ward_request_seconds", "HTTP request duration", ["route"])
OVERDUE = Counter("virtual_ward_overdue_total", "Slots of a patient's schedule that passed without readings")
TICK_FAILURES = Counter("virtual_ward_tick_failures_total", "Things that the timekeeper could not do", ["task"])
MESSAGES = Counter(
    "virtual_ward_messages_total", "Attempts to deliver a message by what came of them", ["channel", "outcome"]
)
DELIVERY_SECONDS = Histogram(
    "virtual_ward_message_seconds",
    "From a message's creation until it was handed over",
    ["channel"],
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600),
)
UNWELL = Gauge(
    "virtual_ward_unwell",
    "Whether a problem of the system is open, as the process sees it that watches",
    ["problem"],
    multiprocess_mode="livemax",
)
SYSTEM_ALERTS = Counter(
    "virtual_ward_system_alerts_total", "What was told of the system's own problems", ["problem", "state"]
)
HEARTBEATS = Counter("virtual_ward_heartbeats_total", "Times that the dead man's URL was due", ["outcome"])
BACKLOG_ENTRIES = Gauge("virtual_ward_backlog_entries", "Requests not drained yet", multiprocess_mode="mostrecent")
BACKLOG_BYTES = Gauge("virtual_ward_backlog_bytes", "Size of what is not drained yet", multiprocess_mode="mostrecent")
OLDEST_UNSCORED_SECONDS = Gauge(
    "virtual_ward_oldest_unscored_seconds",
    "Age of the oldest reading not drained yet",
    multiprocess_mode="mostrecent",
)


def exposition(*, shared_folder: bool) -> tuple[bytes, str]:
    """All metrics in Prometheus' text format, and its media type."""
    if not shared_folder:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types here
    return generate_latest(registry), CONTENT_TYPE_LATEST
