"""Make tasks from requests and schedules: find the source, the bucket for outputs, and the beginning of their keys.

Every function is pure but for the random part of a new id. Requests that the provider refuses raise `Refused`.
"""

import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import NoReturn, TypeVar
from urllib.parse import unquote, urlsplit

from engine.config import Config
from engine.model import Task, TaskKind
from engine.mps.errors import Refused
from engine.mps.requests import (
    MAX_SESSION_CONTEXT,
    MAX_SESSION_ID,
    CosInput,
    CosStorage,
    Entry,
    Input,
    Notify,
    OffsetEntry,
    ProcessMedia,
    S3Storage,
    Schedule,
    Storage,
)
from engine.mps.templates import SubTask, sub_tasks
from engine.places import Place, checked_key, parse_url
from mediarelay.domain.tasks.file_url import REGIONS, short_region
from mediarelay.errors import Malformed

T = TypeVar("T")
_BUCKET = re.compile(r"([a-z0-9][a-z0-9-]{0,48})-([1-9][0-9]{0,14})", re.ASCII)
_LONG_REGIONS = {short: long for long, short in REGIONS.items()}


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a source is: an object, or the file at the URL `download`, which then has only a name."""

    place: Place | None
    key: str
    download: str = ""


def make_task(request: ProcessMedia, config: Config, now: float) -> Task:
    """Make the task of a request; `now` is in UNIX seconds."""
    complete = _with_schedule(request, config)
    _check(complete)
    source = _SOURCES[complete.input_info.type](complete.input_info, config)
    storage = complete.output_storage or _storage_of(complete.input_info)
    place = _STORAGES[storage.type](storage, config)
    path = f"/{source.key}"
    return Task(
        vid=_new_id(config, _kind(request)),
        kind=_kind(request),
        source=source.place or place,
        dst=place,
        url=source.download or (source.place or place).url(path),
        path=path,
        key=source.key,
        stem=_stem(complete.output_dir, source.key),
        download=source.download,
        request=replace(complete, output_storage=storage),
        created=now,
        updated=now,
    )


def triggered_tasks(config: Config, place: Place, key: str, now: float) -> list[Task]:
    """Return the tasks that an upload triggers: one per schedule of the bucket and of a prefix of `key`."""
    bound = [each for each in config.mps.schedules if each.bucket == place.bucket and key.startswith(each.prefix)]
    uploads = [_upload(each, place, key) for each in bound if _same_region(each.region, place.region)]
    return [make_task(upload, config, now) for upload in uploads]


def require_schedules(config: Config) -> None:
    """Raise `Malformed` if an upload could trigger no task of a schedule, or if two schedules have the same id."""
    for i, each in enumerate(config.mps.schedules):
        if each.id in {other.id for other in config.mps.schedules[:i]}:
            raise Malformed(f"mps.schedules.{i}.id", "is that of an earlier schedule")
        try:
            place = _bucket(f"{each.bucket}-{config.app_id}", each.region, config)
            make_task(_upload(each, place, f"{each.prefix}x"), config, 0)
        except Refused as refused:
            raise Malformed(f"mps.schedules.{i}", str(refused)) from refused


def bucket_name(place: Place) -> str:
    """Return the name of a bucket as the provider writes it: `clips-1250000000`."""
    return f"{place.bucket}-{place.app_id}"


def long_region(region: str) -> str:
    """Return the name of a region in API 3.0: `ap-shanghai` for `sh`."""
    return _LONG_REGIONS.get(region, region)


def _upload(schedule: Schedule, place: Place, key: str) -> ProcessMedia:
    cos = CosInput(bucket=bucket_name(place), region=long_region(place.region), object=f"/{key}")
    return ProcessMedia(input_info=Input(type="COS", cos_input_info=cos), schedule_id=schedule.id)


def _kind(request: ProcessMedia) -> TaskKind:
    return TaskKind.WORKFLOW if request.schedule_id is None else TaskKind.SCHEDULE


def _new_id(config: Config, kind: TaskKind) -> str:
    return f"{config.app_id}-{kind.value}-{secrets.token_hex(16)}t0"


def _with_schedule(request: ProcessMedia, config: Config) -> ProcessMedia:
    """Return a request with the outputs of its schedule. Its own directory and callbacks precede the schedule's."""
    if request.schedule_id is None:
        return request
    schedule = next((each for each in config.mps.schedules if each.id == request.schedule_id), None)
    if schedule is None:
        raise Refused("InvalidParameterValue", f"ScheduleId: there is no schedule {request.schedule_id}")
    return replace(
        request,
        media_process_task=schedule.outputs,
        output_dir=request.output_dir or schedule.output_dir,
        task_notify_config=request.task_notify_config or schedule.notify,
    )


def _check(request: ProcessMedia) -> None:
    if len(request.session_id) > MAX_SESSION_ID:
        raise Refused("InvalidParameterValue.SessionIdTooLong", f"SessionId: over {MAX_SESSION_ID} characters")
    if len(request.session_context) > MAX_SESSION_CONTEXT:
        raise Refused("InvalidParameterValue.SessionContextTooLong", f"SessionContext: over {MAX_SESSION_CONTEXT}")
    if request.output_dir and not (request.output_dir.startswith("/") and request.output_dir.endswith("/")):
        raise Refused("InvalidParameterValue", "OutputDir: must begin and end with a slash")
    _check_notify(request.task_notify_config or Notify())
    _check_outputs(list(sub_tasks(request.media_process_task)))


def _check_notify(notify: Notify) -> None:
    if notify.notify_type == "URL" and not notify.notify_url.startswith(("http://", "https://")):
        raise Refused("InvalidParameter.Url", "TaskNotifyConfig.NotifyUrl: must be an http or https URL")


def _check_outputs(wanted: list[SubTask]) -> None:
    if not wanted:
        raise Refused("MissingParameter", "MediaProcessTask: asks for no output")
    for each in wanted:
        if each.entry.definition not in each.type.definitions:
            raise Refused("ResourceNotFound.TemplateNotExist", f"{each.type.name}: no template {each.entry.definition}")
        _check_times(each.entry)
    # Both outputs of a repeated definition would have the same key.
    name, count = Counter(each.name for each in wanted).most_common(1)[0]
    if count > 1:
        raise Refused("InvalidParameterValue.Definition", f"{name} is asked for {count} times")


def _check_times(entry: Entry) -> None:
    if isinstance(entry, OffsetEntry) and not (entry.ext_time_offset_set or entry.time_offset_set):
        raise Refused("MissingParameter", "ExtTimeOffsetSet: is missing")
    begin, end = (getattr(entry, name, None) for name in ("start_time_offset", "end_time_offset"))
    if begin is not None and end is not None and begin >= end:
        raise Refused("InvalidParameterValue", "EndTimeOffset: must be after StartTimeOffset")


def _given(value: T | None, name: str) -> T:
    if value is None:
        raise Refused("MissingParameter", f"{name}: is missing")
    return value


def _cos_source(info: Input, config: Config) -> _Source:
    cos = _given(info.cos_input_info, "InputInfo.CosInputInfo")
    return _Source(_bucket(cos.bucket, cos.region, config), _key(cos.object))


def _url_source(info: Input, config: Config) -> _Source:
    url = _given(info.url_input_info, "InputInfo.UrlInputInfo").url
    with suppress(Malformed):
        place, key = parse_url(re.sub("^https:", "http:", url))
        if config.bucket(place):
            return _Source(place, key)
    return _Source(None, _key(_file_name(url)), download=url)


def _file_name(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Refused("InvalidParameter.InvalidUrl", "UrlInputInfo.Url: is no URL") from error
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise Refused("InvalidParameter.InvalidUrl", "UrlInputInfo.Url: must be an http or https URL")
    return PurePosixPath(unquote(parts.path)).name or "source"


def _s3_source(info: Input, config: Config) -> _Source:
    s3 = _given(info.s3_input_info, "InputInfo.S3InputInfo")
    return _Source(_stand_in(s3.s3_bucket, config), _key(s3.s3_object))


def _cos_storage(storage: Storage, config: Config) -> Place:
    cos = _given(storage.cos_output_storage, "OutputStorage.CosOutputStorage")
    return _bucket(cos.bucket, cos.region, config)


def _s3_storage(storage: Storage, config: Config) -> Place:
    return _stand_in(_given(storage.s3_output_storage, "OutputStorage.S3OutputStorage").s3_bucket, config)


def _refuse(what: Input | Storage, _: Config) -> NoReturn:
    raise Refused("UnsupportedOperation", f"the engine has no storage of the type {what.type} here")


_SOURCES: Mapping[str, Callable[[Input, Config], _Source]] = {
    "COS": _cos_source,
    "URL": _url_source,
    "AWS-S3": _s3_source,
    "VOD": _refuse,
}
_STORAGES: Mapping[str, Callable[[Storage, Config], Place]] = {
    "COS": _cos_storage,
    "AWS-S3": _s3_storage,
    "URL": _refuse,
    "VOD": _refuse,
}


def _storage_of(info: Input) -> Storage:
    """Return the storage of a source, which is the default for outputs. Raises `Refused` for a source at a URL."""
    if info.cos_input_info:
        cos = CosStorage(bucket=info.cos_input_info.bucket, region=info.cos_input_info.region)
        return Storage(type="COS", cos_output_storage=cos)
    s3 = _given(info.s3_input_info, "OutputStorage")
    found = S3Storage(
        s3_bucket=s3.s3_bucket, s3_region=s3.s3_region, s3_secret_id=s3.s3_secret_id, s3_secret_key=s3.s3_secret_key
    )
    return Storage(type="AWS-S3", s3_output_storage=found)


def _bucket(name: str, region: str, config: Config) -> Place:
    """Return the place of a configured bucket, which may have either name of its region."""
    match = _BUCKET.fullmatch(name)
    if match is None:
        raise Refused("ResourceNotFound.CosBucketNameInvalid", f"{name} is no name of a bucket")
    places = (bucket.place(config.app_id) for bucket in config.buckets)
    found = next((each for each in places if bucket_name(each) == name and _same_region(each.region, region)), None)
    if found is None:
        raise Refused("ResourceNotFound.CosBucketNotExist", f"there is no bucket {name} in {region}")
    return found


def _stand_in(name: str, config: Config) -> Place:
    """Return the place of the bucket that stands in for one of AWS S3."""
    chosen = config.mps.s3_buckets.get(name)
    found = next((bucket for bucket in config.buckets if bucket.name == chosen), None)
    if found is None:
        raise Refused("ResourceNotFound.DownloadError", f"no bucket stands in for {name} of AWS S3 (mps.s3_buckets)")
    return found.place(config.app_id)


def _same_region(one: str, other: str) -> bool:
    return short_region(one) == short_region(other)


def _key(path: str) -> str:
    try:
        return checked_key(path.removeprefix("/"))
    except Malformed as malformed:
        raise Refused("InvalidParameterValue.SrcFile", f"the source: {malformed.reason}") from malformed


def _stem(directory: str, key: str) -> str:
    """Return the beginning of the keys of outputs: the directory, and the name of the source without its extension."""
    source = PurePosixPath(f"/{key}")
    return f"{directory.removeprefix('/') or _directory(key)}{source.stem}"


def _directory(key: str) -> str:
    return key[: key.rfind("/") + 1]
