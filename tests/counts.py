"""What was counted, as CloudWatch reads it from the blobs on standard output."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from mediarelay.observability import DETAILS, flush

Blob = dict[str, Any]


def blobs(lines: Iterable[str]) -> Iterator[Blob]:
    """The blobs of metrics among the lines of a log."""
    for line in lines:
        if line.startswith('{"_aws"'):
            yield json.loads(line)


class Counts:
    """Sums over blobs."""

    def __init__(self, found: Iterable[Blob]) -> None:
        self.blobs = list(found)

    def total(self, metric: str) -> int:
        """How much was counted in all."""
        return int(sum(sum(blob.get(metric, ())) for blob in self.blobs))

    def by(self, metric: str, detail: str) -> Counter[str]:
        """How much was counted of each value of a detail."""
        found = Counter[str]()
        for blob in self.blobs:
            found.update(blob.get(DETAILS, {}).get(metric, {}).get(detail, {}))
        return found


def counted(capsys: pytest.CaptureFixture[str]) -> Counts:
    """What was counted since the last look, as if the invocation ended here."""
    flush()
    return Counts(blobs(capsys.readouterr().out.splitlines()))
