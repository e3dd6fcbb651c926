"""Answer binding: whether an answer is about the task that was queried, and not about another one."""

from collections import defaultdict
from collections.abc import Iterable

from mediarelay.domain.tasks.conflict import Statement, statements
from mediarelay.domain.tasks.facts import Facts
from mediarelay.domain.tasks.origin import Origin

# The fields that name the file. Outcomes and sizes may differ, because the task goes on.
IDENTITY = ("app_id", "bucket", "url")


def mismatches(vid: str, known: Iterable[Statement], answer: Facts) -> tuple[str, ...]:
    """Return the fields of an answer that contradict all known statements; the answer is bound if there are none.

    Args:
        vid: The task that was queried.
        known: Statements from other sources than claims. They may contradict each other; the answer settles that.
        answer: The facts of the answer. URLs are compared as the files that they name.

    Returns:
        Some of `vid`, `app_id`, `bucket`, `url`.
    """
    values: dict[str, set[str]] = defaultdict(set)
    for statement in known:
        values[statement.subject].add(statement.value)
    answered = {one.subject: one.value for one in statements(Origin.ANSWER, answer)}
    wrong = [name for name in IDENTITY if values[name] and name in answered and answered[name] not in values[name]]
    return (*(["vid"] if answer.vid != vid else []), *wrong)
