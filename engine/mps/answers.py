"""Print a task in the shapes of MPS: details, rows of lists, and callbacks. Every function is pure.

Members that the engine never fills are there and null or empty, as in the provider's samples.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from engine.decode import encode
from engine.model import FINAL, AudioFacts, Flaw, MediaFacts, Output, Status, Task, TaskKind, VideoFacts
from engine.mps.errors import task_codes
from engine.mps.requests import Notify, ProcessMedia, Storage
from engine.mps.templates import SAMPLE_INTERVAL, TYPES, SubTask, sub_tasks
from mediarelay.signing.mps_callback import LIFETIME, callback_sign

Json = dict[str, Any]

NO_TIME = "0000-00-00T00:00:00Z"
_AI_RESULTS = ("AiContentReviewResultSet", "AiAnalysisResultSet", "AiRecognitionResultSet")
_NOTIFY = ("NotifyType", "NotifyMode", "NotifyUrl", "NotifyKey")


def state(task: Task) -> str:
    """Return the `Status` of a task."""
    if task.status in FINAL:
        return "FINISH"
    return "WAITING" if task.status is Status.PENDING else "PROCESSING"


def detail(task: Task) -> Json:
    """Return the answer of DescribeTaskDetail. A waiting task has no body yet."""
    request = _request(task)
    body = None if task.status is Status.PENDING else _body(task)
    return {
        "TaskType": task.kind.value,
        "Status": state(task),
        **_times(task),
        **{kind.value: body if task.kind is kind else None for kind in (TaskKind.WORKFLOW, TaskKind.SCHEDULE)},
        "EditMediaTask": None,
        "LiveStreamProcessTask": None,
        "TaskNotifyConfig": _notify(request.task_notify_config),
        "TasksPriority": request.tasks_priority,
        "SessionId": request.session_id,
        "SessionContext": request.session_context,
        "ExtInfo": "",
    }


def row(task: Task) -> Json:
    """Return the row of a task in the answer of DescribeTasks."""
    listed = dict.fromkeys(each.type.listed for each in sub_tasks(_request(task).media_process_task))
    return {"TaskId": task.vid, "TaskType": task.kind.value, "SubTaskTypes": list(listed), **_times(task)}


def callback(task: Task, now: float, *, wrong_sign: bool = False) -> Json:
    """Return the body of a callback at `now`, in UNIX seconds. It has a Sign if the task has a NotifyKey."""
    request = _request(task)
    body, expires = _body(task), int(now + LIFETIME.total_seconds())
    key = request.task_notify_config.notify_key if request.task_notify_config else ""
    return {
        "EventType": task.kind.value,
        "WorkflowTaskEvent": body if task.kind is TaskKind.WORKFLOW else None,
        "EditMediaTaskEvent": None,
        "ScheduleTaskEvent": body if task.kind is TaskKind.SCHEDULE else None,
        "SessionId": request.session_id,
        "SessionContext": request.session_context,
        "Timestamp": expires,
        "Sign": callback_sign(expires, key + "?" * wrong_sign) if key else "",
    }


def claim(body: Json, lie: str) -> Json:
    """Replace the outcome in a callback by the claimed one: every sub-task succeeded, or every one failed."""
    event = f"{body['EventType']}Event"
    task = body[event] | {"Status": "FINISH", "ErrCode": 0, "Message": ""}
    for name in ("MediaProcessResultSet", "ActivityResultSet"):
        task |= {name: _claimed(task[name], lie)} if name in task else {}
    return body | {event: task}


def iso_time(moment: float | None) -> str:
    """Print UNIX seconds as the provider does, in UTC; None is no time."""
    return NO_TIME if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _request(task: Task) -> ProcessMedia:
    if task.request is None:
        raise ValueError(f"{task.vid} is no task of MPS")
    return task.request


def _times(task: Task) -> Json:
    return {
        "CreateTime": iso_time(task.created),
        "BeginProcessTime": iso_time(task.begun),
        "FinishTime": iso_time(task.updated if task.status in FINAL else None),
    }


def _notify(notify: Notify | None) -> Json | None:
    shown: Json = encode(notify) if notify else {}
    return {name: value for name, value in shown.items() if value or name in _NOTIFY} if notify else None


def _body(task: Task) -> Json:
    flaw = task.flaw
    return {
        "TaskId": task.vid,
        "Status": state(task),
        "ErrCode": task_codes(flaw.code)[0] if flaw else 0,
        "Message": flaw.message if flaw else "",
        "InputInfo": encode(_request(task).input_info),
        "MetaData": _metadata(task.facts) if task.facts else None,
        **_BODIES[task.kind](_results(task)),
    }


def _workflow(results: list[tuple[SubTask, Json]]) -> Json:
    found = [{**_members(each, result), "Type": each.type.name} for each, result in results]
    return {"MediaProcessResultSet": found, **{name: [] for name in _AI_RESULTS}}


def _schedule(results: list[tuple[SubTask, Json]]) -> Json:
    found = [{"ActivityType": each.type.name, "ActivityResItem": _members(each, result)} for each, result in results]
    return {"ActivityResultSet": found}


_BODIES: Mapping[TaskKind, Callable[[list[tuple[SubTask, Json]]], Json]] = {
    TaskKind.WORKFLOW: _workflow,
    TaskKind.SCHEDULE: _schedule,
}


def _members(each: SubTask, result: Json) -> Json:
    return {kind.result: result if kind is each.type else None for kind in TYPES}


def _results(task: Task) -> list[tuple[SubTask, Json]]:
    """Return the result of each sub-task. There is none before transcoding has begun, or if the source is at fault."""
    if task.status < Status.TRANSCODING or task.flaw:
        return []
    outputs = {output.name: output for output in task.outputs}
    flaws = {failed.name: failed.flaw for failed in task.failed_outputs}
    wanted = sub_tasks(_request(task).media_process_task)
    return [(each, _result(task, each, outputs.get(each.name), flaws.get(each.name))) for each in wanted]


def _result(task: Task, each: SubTask, output: Output | None, flaw: Flaw | None) -> Json:
    progress = {"Progress": 100 if output else task.percent} if each.type.name == "Transcode" else {}
    return {**_outcome(output, flaw), **progress, "Input": _input(task, each), "Output": _output(task, each, output)}


def _outcome(output: Output | None, flaw: Flaw | None) -> Json:
    if flaw:
        code, text = task_codes(flaw.code)
        return {"Status": "FAIL", "ErrCodeExt": text, "ErrCode": code, "Message": flaw.message}
    known = "SUCCESS" if output else ""
    return {"Status": known or "PROCESSING", "ErrCodeExt": known, "ErrCode": 0, "Message": known}


def _input(task: Task, each: SubTask) -> Json:
    path = f"/{task.output_stem}_{each.name}"
    return {**encode(each.entry), "OutputStorage": _storage(task), "OutputObjectPath": path}


def _output(task: Task, each: SubTask, output: Output | None) -> Json | None:
    if output is None:
        return None
    name = "OutputStorage" if each.type.name == "Transcode" else "Storage"
    head = {name: _storage(task), "Definition": each.entry.definition}
    return {**head, **_OUTPUTS[each.type.name](output)}


def _storage(task: Task) -> Json:
    found: Json = encode(_request(task).output_storage or Storage())
    return found


def _media(output: Output) -> Json:
    facts = output.facts
    return {
        "Path": output.paths[0],
        "Bitrate": output.bitrate,
        "Height": output.height,
        "Width": output.width,
        "Size": output.size,
        "Duration": output.duration,
        "Container": facts.container if facts else output.format,
        "Md5": output.md5,
        "VideoStreamSet": [_video_stream(facts.video, facts)] if facts and facts.video else [],
        "AudioStreamSet": [_audio_stream(facts.audio)] if facts and facts.audio else [],
    }


def _graphic(output: Output) -> Json:
    begin, end = output.times
    return {
        "Path": output.paths[0],
        "Container": output.format,
        "Height": output.height,
        "Width": output.width,
        "Bitrate": round(output.size * 8 / (end - begin)) if end > begin else 0,
        "Size": output.size,
        "Md5": output.md5,
        "StartTimeOffset": begin,
        "EndTimeOffset": end,
    }


def _snapshots(output: Output) -> Json:
    pictures = zip(output.times, output.paths, strict=True)
    return {"PicInfoSet": [{"TimeOffset": time, "Path": path, "WaterMarkDefinition": []} for time, path in pictures]}


def _samples(output: Output) -> Json:
    paths = list(output.paths)
    return {"SampleType": "Percent", "Interval": SAMPLE_INTERVAL, "ImagePathSet": paths, "WaterMarkDefinition": []}


def _sprite(output: Output) -> Json:
    *images, vtt = output.paths
    sides = {"Height": output.height, "Width": output.width}
    return {**sides, "TotalCount": output.count, "ImagePathSet": images, "WebVttPath": vtt}


def _stream(output: Output) -> Json:
    return {"Package": "HLS", "Path": output.paths[0]}


_OUTPUTS: Mapping[str, Callable[[Output], Json]] = {
    "Transcode": _media,
    "AnimatedGraphics": _graphic,
    "SnapshotByTimeOffset": _snapshots,
    "SampleSnapshot": _samples,
    "ImageSprites": _sprite,
    "AdaptiveDynamicStreaming": _stream,
}


def _metadata(facts: MediaFacts) -> Json:
    video, audio = facts.video, facts.audio
    # The provider prints the sides of the stored picture, and beside them how a player turns it.
    width, height = _stored_sides(video) if video else (0, 0)
    return {
        "Size": facts.size,
        "Container": facts.container,
        "Bitrate": facts.bitrate,
        "Height": height,
        "Width": width,
        "Duration": facts.duration,
        "Rotate": video.rotation if video else 0,
        "VideoDuration": round(video.duration, 6) if video else 0,
        "AudioDuration": round((audio and audio.duration) or 0, 6),
        "VideoStreamSet": [_video_stream(video, facts) | {"Height": height, "Width": width}] if video else [],
        "AudioStreamSet": [_audio_stream(audio)] if audio else [],
    }


def _stored_sides(video: VideoFacts) -> tuple[int, int]:
    is_turned = video.rotation % 180 != 0
    return (video.height, video.width) if is_turned else (video.width, video.height)


def _video_stream(video: VideoFacts, facts: MediaFacts) -> Json:
    sound = (facts.audio and facts.audio.bitrate) or 0
    return {
        "Bitrate": max(0, facts.bitrate - sound),
        "Height": video.height,
        "Width": video.width,
        "Codec": video.codec,
        "Fps": round(video.fps),
    }


def _audio_stream(audio: AudioFacts) -> Json:
    return {
        "Bitrate": audio.bitrate or 0,
        "SamplingRate": audio.sample_rate,
        "Codec": audio.codec,
        "Channel": audio.channels,
    }


def _claimed(results: list[Json], lie: str) -> list[Json]:
    return [_claim_each(result, lie) for result in results]


def _claim_each(result: Json, lie: str) -> Json:
    if "ActivityResItem" in result:
        return result | {"ActivityResItem": _claim_each(result["ActivityResItem"], lie)}
    claimed = _LIES[lie]
    return {name: value | claimed if isinstance(value, dict) else value for name, value in result.items()}


_LIES: Mapping[str, Json] = {
    "success": {"Status": "SUCCESS", "ErrCodeExt": "SUCCESS", "ErrCode": 0, "Message": "SUCCESS"},
    "fail": {"Status": "FAIL", "ErrCodeExt": "InternalError", "ErrCode": 70000, "Message": "a lie", "Output": None},
}
