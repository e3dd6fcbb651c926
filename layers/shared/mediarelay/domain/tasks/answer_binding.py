"""Whether an answer is about the task we asked for (and not about another one that somebody else owns)."""

from collections import defaultdict
from collections.abc import Iterable

from mediarelay.domain.tasks.conflict import Statement, statements
from mediarelay.domain.tasks.media import Facts
from mediarelay.domain.tasks.origin import Origin

IDENTITY = ("app_id", "bucket", "url")


def mismatches(vid: str, said: Iterable[Statement], answer: Facts) -> tuple[str, ...]:
    """Name the fields (`vid`, `app_id`, `bucket`, `url`) of an answer that contradict all that is said; none = bound.

    `said` are words of those who know; they may contradict each other, and the answer settles that. URLs are compared
    as the files that they name.
    """
    known: dict[str, set[str]] = defaultdict(set)
    for one in said:
        known[one.subject].add(one.value)
    told = {one.subject: one.value for one in statements(Origin.ANSWER, answer)}
    wrong = [name for name in IDENTITY if known[name] and name in told and told[name] not in known[name]]
    return (*(["vid"] if answer.vid != vid else []), *wrong)
