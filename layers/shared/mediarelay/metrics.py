"""Counters in CloudWatch's embedded metric format: one JSON line on standard output, no call, nothing to import."""

import json
import sys
import time

NAMESPACE = "Mediarelay"


def count(name: str, value: int = 1, **dimensions: str) -> None:
    """Count something that happened, for example `count("ClaimStored", kind="video")`."""
    metric = {"Namespace": NAMESPACE, "Dimensions": [sorted(dimensions)], "Metrics": [{"Name": name, "Unit": "Count"}]}
    line = {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]}, name: value, **dimensions}
    sys.stdout.write(json.dumps(line) + "\n")


def count_alarmed(name: str, **dimensions: str) -> None:
    """Count with the dimensions, and once more without: CloudWatch does not add them up for an alarm."""
    count(name)
    count(name, 1, **dimensions)
