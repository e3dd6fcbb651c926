"""Print a task in the shapes that the provider documents. Every function is pure.

The keys and their order are those of the provider's examples. Where its table and its example differ, the engine
follows the example. docs/fields.md lists the fields; docs/engine.md derives the rules for seconds and kbps.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from engine.model import MediaFacts, Output, OutputKind, Status, Task, TaskKind
from engine.places import Place

Json = dict[str, Any]

_CHINA = timezone(timedelta(hours=8))
# The provider's own numbers have this factor: it prints 322960391 bytes in 600 s as 4205 kbps.
_KBPS = 1024


def query(task: Task) -> Json:
    """Return the `data` of GetCtsInfo or GetCtsaudioInfo.

    Only a task with status 5 has a `result`. Unknown facts are null.
    """
    data = {
        "vid": task.vid,
        **_place(task.source),
        "name": task.source.name(task.path),
        "url": task.url,
        "url_f0": task.path,
        **_QUERY_FACTS[task.kind](task),
        "create_time": china_time(task.created),
        "update_time": china_time(task.updated),
        "status": int(task.status),
        "error_code": task.flaw and task.flaw.code,
        "error_msg": task.flaw and task.flaw.message,
        "deleted": "yes" if task.deleted else "no",
    }
    return {**data, "result": _result(task, "name")} if task.status is Status.SUCCEEDED else data


def result_callback(task: Task, *, typed: bool = False) -> Json:
    """Return the body of the final callback.

    With `typed`, a video success has a `callback_type`, as in the later edition of the provider's documents.
    """
    if task.status is Status.SUCCEEDED:
        return _success(task, typed=typed)
    flaws = [task.flaw] if task.flaw else []
    detail = {"error_code": [flaw.code for flaw in flaws], "error_msg": [flaw.message for flaw in flaws]}
    return {"status": "fail", **_identity(task), "detail": detail, **_origin(task)}


def claim(body: Json, lie: str) -> Json:
    """Replace the status of a callback by the claimed one, and its outputs or errors by those that fit the claim."""
    if body.get("status") == lie:
        return body
    reason = {"error_code": [122], "error_msg": ["a lie"]} if lie == "fail" else {}
    return body | {"status": lie} | ({"detail": reason} if "detail" in body else {})


def basic_callback(task: Task) -> Json:
    """Return the body of the flat callback that the later edition sends when the source has been probed.

    It is a failure if the task has a flaw. Unknown measures are 0.
    """
    facts, fault = task.facts, task.flaw.message if task.flaw else ""
    video = facts.video if facts else None
    return {
        "callback_type": "trans_basic",
        "status": "fail" if fault else "success",
        "fail_msg": fault,
        "vid": task.vid,
        "url": task.url,
        **_origin(task),
        **_basic(facts),
        "fps": _number(video.fps) if video else 0,
        "rotation": "vertical" if video and video.height > video.width else "horizon",
        "HasVideoStream": video is not None,
        "HasAudioStream": bool(facts and facts.audio),
    }


def china_time(moment: float) -> str:
    """Print UNIX seconds as the provider does, in UTC+8 without a zone: `2017-09-22 15:04:05`."""
    return datetime.fromtimestamp(moment, UTC).astimezone(_CHINA).strftime("%Y-%m-%d %H:%M:%S")


def kbps(bitrate: int) -> int:
    """Convert bit/s to the provider's kbps, rounded down."""
    return bitrate // _KBPS


def whole_seconds(duration: float) -> int:
    """Truncate seconds to whole ones, as the provider does. A duration below a second is 1, because 0 means unknown."""
    return int(duration) or int(duration > 0)


def _success(task: Task, *, typed: bool) -> Json:
    facts = task.facts
    kind = {"callback_type": "trans_result"} if typed and task.kind is TaskKind.VIDEO else {}
    v_type = {"v_type": facts.container if facts else None} if task.kind is TaskKind.VIDEO else {}
    own = _sides(facts) if task.kind is TaskKind.VIDEO else _sound(facts)
    detail = {**own, "result": _result(task, "trans_name"), **_summary(facts)}
    return {"status": "success", **kind, **_identity(task), **v_type, "detail": detail, **_origin(task)}


def _identity(task: Task) -> Json:
    return {"url_f0": task.path, "name": task.source.name(task.path), "vid": task.vid, "url": task.url}


def _origin(task: Task) -> Json:
    place = _place(task.source)
    return {"app_id": place.pop("app_id"), "create_time": china_time(task.created), **place}


def _place(place: Place) -> Json:
    return {"app_id": place.app_id, "bucket_name": place.bucket, "bucket_region": place.region}


def _video_query_facts(task: Task) -> Json:
    container = task.facts.container if task.facts else None
    return {**_summary(task.facts), **_sides(task.facts), "v_type": container}


def _audio_query_facts(task: Task) -> Json:
    sound = _sound(task.facts)
    form = task.facts and audio_format(task.facts.container, task.path)
    return {**_summary(task.facts), "format": form, "sample_rate": sound["sample_rate"], "encoder": sound["encoder"]}


def audio_format(container: str, path: str) -> str:
    """Return an audio file's format.

    It is the container's name. Of several (`mov,mp4,m4a`), it is the one that matches the extension, else the first.
    """
    names = container.split(",")
    extension = path.rpartition(".")[2].lower()
    return extension if extension in names else names[0]


def _summary(facts: MediaFacts | None) -> Json:
    if facts is None:
        return dict.fromkeys(("size", "duration", "bitrate"))
    return {"size": facts.size, "duration": whole_seconds(facts.duration), "bitrate": kbps(facts.bitrate)}


def _sides(facts: MediaFacts | None) -> Json:
    video = facts.video if facts else None
    return {"width": video and video.width, "height": video and video.height}


def _basic(facts: MediaFacts | None) -> Json:
    return {name: value or 0 for name, value in {**_summary(facts), **_sides(facts)}.items()}


def _sound(facts: MediaFacts | None) -> Json:
    audio = facts.audio if facts else None
    return {"encoder": audio and audio.codec, "sample_rate": audio and audio.sample_rate}


def _result(task: Task, audio_name: str) -> Json:
    # A query calls the specification of an audio rendition `name`, a callback `trans_name`.
    shapes = {**_INFO, OutputKind.AUDIO: lambda output: _audio_info(output, audio_name)}
    made = {output.kind for output in task.outputs}
    return {kind.value: _part(task, kind, shapes[kind]) for kind in _PARTS[task.kind] if kind in made}


def _part(task: Task, kind: OutputKind, shape: Callable[[Output], Json]) -> Json:
    outputs: Iterable[Output] = (output for output in task.outputs if output.kind is kind)
    return {"info": [shape(output) for output in outputs], "dst": _place(task.dst)}


def _video_info(output: Output) -> Json:
    return {
        "bitrate": kbps(output.bitrate),
        "width": output.width,
        "height": output.height,
        "fps": _number(output.fps),
        "path": output.paths[0],
        "name": output.name,
        "trans_size": output.size,
    }


def _gif_info(output: Output) -> Json:
    return {"height": output.height, "width": output.width, "path": output.paths[0], "name": output.name}


def _cover_info(output: Output) -> Json:
    paths = list(output.paths)
    return {"height": output.height, "width": output.width, "count": len(paths), "path": paths, "name": output.name}


def _audio_info(output: Output, name: str) -> Json:
    return {
        "bitrate": output.bitrate,
        "sample_rate": output.sample_rate,
        "format": output.format,
        "encoder": output.encoder,
        "path": output.paths[0],
        name: output.name,
        "trans_size": output.size,
    }


def _number(value: float) -> int | float:
    return int(value) if value == int(value) else round(value, 2)


_QUERY_FACTS: dict[TaskKind, Callable[[Task], Json]] = {
    TaskKind.VIDEO: _video_query_facts,
    TaskKind.AUDIO: _audio_query_facts,
}
_PARTS = {
    TaskKind.VIDEO: (OutputKind.VIDEO, OutputKind.GIF, OutputKind.COVER),
    TaskKind.AUDIO: (OutputKind.AUDIO,),
}
_INFO: dict[OutputKind, Callable[[Output], Json]] = {
    OutputKind.VIDEO: _video_info,
    OutputKind.GIF: _gif_info,
    OutputKind.COVER: _cover_info,
}
