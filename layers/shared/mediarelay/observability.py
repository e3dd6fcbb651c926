"""Logs and metrics: what every layer may use to count an event and to name what a log line is about.

Records of any `logging.getLogger("mediarelay...")` reach the one handler that is set up here, so other modules need
nothing but the standard library to log. Details of a count are metadata, not dimensions: in one blob a dimension has
one value and applies to all metrics, while one invocation counts several kinds, errors and fields.
"""

import json
import logging
from functools import partial

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

# Also the name of the package: Powertools names its logger by the service, so loggers of modules are its children.
SERVICE = "mediarelay"
NAMESPACE = "Mediarelay"
DETAILS = "details"

# ASCII because log fields quote what others sent: half of a surrogate pair could not be written to the log.
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


def set_log_level(level: str) -> None:
    """Set the level of all our loggers.

    Not by Lambda's own log level, which Powertools would obey: Lambda takes a line without a level for INFO, so with
    WARN it would drop our metrics.
    """
    logging.getLogger(SERVICE).setLevel(level)


def count(name: str, value: int = 1, **details: str) -> None:
    """Count an event, for example `count("ClaimStored", kind="video")`.

    All counts of an invocation are published as one blob at its end. `details` are summed beside the metric.
    """
    for detail, of in details.items():
        sums = metrics.metadata_set.setdefault(DETAILS, {}).setdefault(name, {}).setdefault(detail, {})
        sums[of] = sums.get(of, 0) + value
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    if not metrics.metric_set:  # Powertools published the metrics because there were too many, but kept the metadata
        metrics.metadata_set.clear()


def flush() -> None:
    """Publish what was counted, if anything was: Powertools warns of an empty blob."""
    if metrics.metric_set:
        metrics.flush_metrics()


def add_log_keys(**keys: str | None) -> None:
    """Add keys to all further log lines of this invocation, or of this record of a batch."""
    logger.append_keys(**keys)
