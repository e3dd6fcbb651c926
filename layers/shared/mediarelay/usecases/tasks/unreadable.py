"""Count the side fields that could not be read: of an answer when it is logged, of a callback when it is settled."""

from mediarelay.contracts.observation import facts_of
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.observability import count


def count_unreadable(entry: LoggedObservation) -> None:
    """Count the fields of a line of the log that could not be read, by name."""
    for name in facts_of(entry).unreadable:
        count("FieldsUnreadable", field=name)
