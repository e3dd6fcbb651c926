"""Adoption: a task that an answer describes goes to the intent that was submitted as it names, if one waits for it."""

from collections.abc import Callable

from mediarelay.domain.tasks.facts import Facts
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Task
from mediarelay.providers.observation import read_facts
from mediarelay.usecases.tasks.repository import TaskRepository

# Takes a submission and its task to the intent.
Adopt = Callable[[str, str], None]


def adopt_submission(vid: str, facts: Facts, adopt: Adopt) -> None:
    """Adopt a task by an answer that is about to be logged; raises `LedgerUnavailable`.

    It comes before the log: if it fails, the answer is judged again. A task with an outcome gets no further answer.
    """
    if facts.submission:
        adopt(facts.submission, vid)


def log_answer(tasks: TaskRepository, answer: LoggedObservation, adopt: Adopt) -> bool:
    """Log a reply that was accepted as an answer; return False if it is already there."""
    adopt_submission(answer.vid, read_facts(answer), adopt)
    return tasks.append(answer)


def adopt_by_callback(task: Task, adopt: Adopt) -> None:
    """Adopt a task that has only trusted callbacks: no answer has been adopted. Raises `LedgerUnavailable`."""
    if task.stated_submission and Origin.ANSWER not in task.best:
        adopt(task.stated_submission, task.vid)
