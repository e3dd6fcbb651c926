"""Logs and metrics for every layer: the logger, counts of events, and keys for log lines.

Records of every `logging.getLogger("mediarelay...")` reach the handler that this module sets up, so other modules log
with the standard library only.
"""

import json
import logging
from functools import partial
from threading import Lock

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

# Powertools names its logger by the service. With the name of the package, the loggers of all modules are its children.
SERVICE = "mediarelay"
NAMESPACE = "Mediarelay"
# Details of a count are metadata, not dimensions: in one blob, a dimension has one value and applies to all metrics,
# whereas one invocation counts several kinds, errors and fields.
DETAILS = "details"

# Log fields quote untrusted input. `json.dumps` writes ASCII, so half of a surrogate pair cannot break a log line.
_serialize = partial(json.dumps, default=str, separators=(",", ":"))
logger = Logger(
    service=SERVICE,
    level=logging.INFO,
    json_serializer=_serialize,
    serialize_stacktrace=False,
    utc=True,
    use_rfc3339=True,
    name="%(name)s",
)
metrics = Metrics(namespace=NAMESPACE, service=SERVICE)
# Batches of submits count in several threads, and the sums of Powertools are not made for that.
_counting = Lock()


# Log keys that name the subject of a record or a row.
SUBJECT_KEYS = ("vid", "room", "song", "intent", "job", "event", "endpoint")


def set_log_level(level: str) -> None:
    """Set the level of all loggers of this package (`INFO`, `WARNING`, `ERROR` or `CRITICAL`)."""
    # Lambda's own log level is no alternative: Lambda treats a line without a level as INFO, so WARN would drop the
    # metrics.
    logging.getLogger(SERVICE).setLevel(level)


def count(name: str, value: int = 1, **details: str) -> None:
    """Count an event, for example `count("ClaimStored", kind="video")`.

    One blob at the end of an invocation publishes all its counts. It contains a sum for each value of each detail.
    """
    with _counting:
        for detail, choice in details.items():
            sums = metrics.metadata_set.setdefault(DETAILS, {}).setdefault(name, {}).setdefault(detail, {})
            sums[choice] = sums.get(choice, 0) + value
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
        # Powertools publishes a full set of metrics at once, but keeps the metadata, which would be counted twice.
        if not metrics.metric_set:
            metrics.metadata_set.clear()


def measure(name: str, seconds: float, **details: str) -> None:
    """Publish a duration in seconds, with details such as `duty="publish"`.

    The blob also contains the longest duration for each value of each detail.
    """
    with _counting:
        for detail, choice in details.items():
            longest = metrics.metadata_set.setdefault(DETAILS, {}).setdefault(name, {}).setdefault(detail, {})
            longest[choice] = max(longest.get(choice, 0), seconds)
        metrics.add_metric(name=name, unit=MetricUnit.Seconds, value=seconds)


def flush() -> None:
    """Publish the counts of this invocation."""
    # Powertools warns about an empty blob.
    if metrics.metric_set:
        metrics.flush_metrics()


def add_log_keys(**keys: str | None) -> None:
    """Add keys to all later log lines of this invocation, or of this record of a batch."""
    logger.append_keys(**keys)
