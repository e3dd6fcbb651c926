"""The answers of the reading functions, without their handlers."""

from dataclasses import dataclass
from typing import Any

from mediarelay.contracts.api.songs import song_history, song_page
from mediarelay.contracts.api.tasks import TaskQuery, task_details, task_history, task_page
from mediarelay.usecases.songs.read import SongReader
from mediarelay.usecases.tasks.read import TaskReader

View = dict[str, Any]


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
