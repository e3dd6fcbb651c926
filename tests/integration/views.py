"""The answers of the reading functions, without their handlers, and publications one at a time."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from mediarelay.contracts.api.songs import song_history, song_page
from mediarelay.contracts.api.tasks import TaskQuery, task_details, task_history, task_page
from mediarelay.contracts.notification import TYPES
from mediarelay.domain.tasks.media import State
from mediarelay.usecases.event_publisher import EventPublisher, Prepare, Prepared
from mediarelay.usecases.songs.read import SongReader
from mediarelay.usecases.tasks.publish import TaskPublisher
from mediarelay.usecases.tasks.read import TaskReader

View = dict[str, Any]
STATES = {f"mediarelay.task.{name}": state for state, name in TYPES.items()}
"""The state of each type of event; the two that `started` may mean count as the second."""


@dataclass(frozen=True)
class TaskViews:
    """Tasks as `read_ledger` answers them."""

    reader: TaskReader

    def task(self, vid: str) -> View:
        return task_details(self.reader.task(vid))

    def history(self, vid: str) -> View:
        found = self.reader.history(vid)
        return task_history(found.task, found.observations)

    def page(self, query: TaskQuery) -> View:
        selections, where = query.selections(), query.where()
        found = self.reader.page(selections, order=query.order, limit=query.limit, cursor=query.cursor, where=where)
        return task_page(found)


@dataclass(frozen=True)
class SongViews:
    """Songs as `read_songs` answers them."""

    reader: SongReader

    def room(self, room: str) -> View:
        return song_page(self.reader.room(room))

    def song(self, room: str, song: str, *, tokens: bool) -> View:
        return song_page(self.reader.song(room, song, tokens=tokens))

    def history(self, room: str, song: str) -> View:
        return song_history(self.reader.history(room, song))

    def resolve(self, *names: str) -> tuple[str, ...]:
        return self.reader.resolve(*names)


@dataclass(frozen=True)
class Publications:
    """Publishes one subject at a time, as the stream publishes the subjects of a batch."""

    events: EventPublisher
    tasks: TaskPublisher

    def publish(self, vid: str) -> State | None:
        """Publish the next publication of a task; returns its state."""
        found = self._publish(partial(self.tasks.prepare, vid))
        return STATES[found.events[0].type] if found else None

    def refuse(self, identity: str) -> None:
        """Publish the refusal of an intent."""
        self._publish(partial(self.tasks.prepare_refusal, identity))

    def _publish(self, prepare: Prepare) -> Prepared | None:
        found: list[Prepared | None] = []

        def noted() -> Prepared | None:
            found.append(prepare())
            return found[0]

        for error in self.events.publish_all({"it": noted}).values():
            raise error
        return found[0]
