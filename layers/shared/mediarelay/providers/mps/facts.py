"""Turns the provider's callbacks and answers into the domain's `Facts`; docs/fields.md lists where each field goes.

The readers raise only `Malformed`, with the wire name of the field, if the task, its state or the owner of its file
cannot be read. Any other field that cannot be read is listed in `Facts.unreadable`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mediarelay.contracts.fields import Fields
from mediarelay.contracts.json_objects import read_answer
from mediarelay.domain.tasks.facts import MAX_REFERENCE, Facts, Place, Source
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.errors import Malformed
from mediarelay.providers.mps import message as mps
from mediarelay.providers.mps import values as read
from mediarelay.providers.mps.callbacks import read_callback
from mediarelay.providers.mps.outputs import codec, faults, first, progress, renditions

MAX_SUBMISSION = 50


def claim_facts(kind: Kind, body: bytes) -> Facts:
    """Read the body of a callback; raises `Malformed`."""
    message, task, _ = read_callback(body)
    found = mps.results(task)
    vid, state = task.strict("TaskId", read.vid), mps.state(task, found)
    return _facts(kind, vid, state, message, task, found)


def answer_facts(vid: str, kind: Kind, data: Mapping[str, Any]) -> Facts:
    """Read the data of an answer about a task; raises `Malformed`."""
    answer = Fields(data)
    task, early = mps.answered_task(answer), mps.stage(answer)
    found = mps.results(task)
    # A task that waits may have no content yet. The answer is then about the task that the query named.
    stated = task.strict("TaskId", read.vid) if task.data else vid
    return _facts(kind, stated, early or mps.state(task, found), answer, task, found)


def reply_data(body: bytes) -> Mapping[str, Any]:
    """Return the data of an answer that was stored as received; raises `Malformed`."""
    data = mps.unwrapped(read_answer(body))
    if "Error" in data:
        raise Malformed("Error", "stated")
    return data


def _facts(kind: Kind, vid: str, state: State, outer: Fields, task: Fields, results: list[mps.Result]) -> Facts:
    """Read everything about a task whose id and state are known. `outer` holds what callbacks and answers add to it."""
    source = _source(task)
    return Facts(
        vid=vid,
        kind=mps.kind(task) or kind,
        state=state,
        source=source,
        renditions=renditions(results, source.place),
        faults=faults(task, results),
        partial=state is State.SUCCEEDED and mps.is_partial(task, results),
        progress=progress(results),
        reference=outer.side("SessionContext", _reference),
        submission=outer.side("SessionId", _submission),
        created_at=outer.side("CreateTime", read.moment),
        updated_at=_updated_at(outer),
        unreadable=tuple(sorted(outer.unreadable)),
    )


def _updated_at(outer: Fields) -> datetime | None:
    begun, ended = outer.side("BeginProcessTime", read.moment), outer.side("FinishTime", read.moment)
    return ended or begun


def _source(task: Fields) -> Source:
    """Read the source file and its measures. Its bitrate is in bit/s, as everywhere at this provider."""
    location, measures = mps.location(task), task.part("MetaData")
    video, audio = first(measures, "VideoStreamSet"), first(measures, "AudioStreamSet")
    kind = mps.kind(task)
    return Source(
        url=location.url,
        path=location.path,
        place=Place(app_id=location.app_id, bucket=location.bucket, region=location.region),
        container=measures.side("Container", read.text),
        size=measures.side("Size", read.count),
        duration=measures.side("Duration", read.measure),
        bitrate=measures.side("Bitrate", read.count),
        width=measures.side("Width", read.count),
        height=measures.side("Height", read.count),
        fps=video.side("Fps", read.measure),
        rotation=measures.side("Rotate", read.text),
        has_video=None if kind is None else kind is Kind.VIDEO,
        has_audio=None if kind is None else bool(audio.data),
        encoder=codec(video, audio),
        sample_rate=audio.side("SamplingRate", read.count),
    )


def _reference(value: object) -> str | None:
    return _bounded(value, MAX_REFERENCE)


def _submission(value: object) -> str | None:
    return _bounded(value, MAX_SUBMISSION)


def _bounded(value: object, limit: int) -> str | None:
    text = read.address(value)
    if text and len(text) > limit:
        raise ValueError("too long")
    return text
