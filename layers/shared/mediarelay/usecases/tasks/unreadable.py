"""Count the fields of observations that could not be read.

Answers are counted when they are logged, callbacks when they are settled: a callback endpoint reads only the head.
"""

from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.observability import count
from mediarelay.providers.observation import read_facts


def count_unreadable(observation: LoggedObservation) -> None:
    """Count the fields of an observation that could not be read, by name."""
    for name in read_facts(observation).unreadable:
        count("FieldsUnreadable", field=name)
