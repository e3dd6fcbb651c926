"""The official Python SDK of COS v5 works with the engine: it is pointed there as its proxy, or by IP and port."""

import email.utils
import hashlib
import importlib
from collections.abc import Callable, Iterator

import pytest
import requests

BUCKET = "cts-1250000000"
KEY = "dir/a b%20c+ü#?.mp4"
MIB = 1 << 20
BODY = hashlib.shake_256(b"body").digest(3 * MIB + 7)


@pytest.fixture(scope="module")
def sdk():
    """The module, imported here only: it changes `collections`."""
    return importlib.import_module("qcloud_cos")


@pytest.fixture
def connect(sdk, stub) -> Iterator[Callable]:
    """Make a client; its connections end with the test."""
    with requests.Session() as session:
        session.trust_env = False

        def make(**more):
            how = {"Proxies": {"http": f"http://127.0.0.1:{stub.port}"}, "Region": "sh", **more}
            config = sdk.CosConfig(SecretId="any", SecretKey="any", Scheme="http", **how)
            return sdk.CosS3Client(config, retry=0, session=session)

        yield make


@pytest.fixture
def client(connect):
    return connect()


def vid_of(answer: dict) -> str:
    moment = int(email.utils.parsedate_to_datetime(answer["Date"]).timestamp())
    return hashlib.md5(answer["x-cos-request-id"].encode(), usedforsecurity=False).hexdigest() + str(moment)


def tasks_of(stub, key: str) -> dict[str, bool]:
    """Return the vids of a key, newest first, with whether they are marked as deleted."""
    return {task["vid"]: task["deleted"] for task in stub.console("tasks?limit=1000")["tasks"] if task["key"] == key}


def body_of(client, key: str, **more) -> bytes:
    return client.get_object(BUCKET, key, **more)["Body"].get_raw_stream().read()


def fails(sdk, code: str, status: int, call: Callable, *arguments, **named) -> None:
    with pytest.raises(sdk.CosServiceError) as caught:
        call(*arguments, **named)
    assert (caught.value.get_error_code(), caught.value.get_status_code()) == (code, status)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"IP": "127.0.0.1", "Proxies": None},
        {"Region": None, "Endpoint": "cossh.myqcloud.com"},
        {"Domain": f"{BUCKET}.cossh.myqcloud.com"},
    ],
)
def test_ways_to_point_the_sdk_at_the_engine(connect, stub, how: dict) -> None:
    client = connect(**how, **({"Port": stub.port} if "IP" in how else {}))
    answer = client.put_object(BUCKET, BODY[:100], KEY, EnableMD5=True, Metadata={"x-cos-meta-a": "b"})
    assert answer["ETag"] == f'"{hashlib.md5(BODY[:100], usedforsecurity=False).hexdigest()}"'
    assert stub.final("GetCtsInfo", vid_of(answer))["url_f0"] == f"/{KEY}"
    head = client.head_object(BUCKET, KEY)
    assert (head["ETag"], head["Content-Length"], head["x-cos-meta-a"]) == (answer["ETag"], "100", "b")
    assert body_of(client, KEY) == BODY[:100]


@pytest.mark.parametrize("threads", [1, 4])
def test_a_file_in_parts_is_one_upload_and_starts_one_task(client, stub, tmp_path, threads: int) -> None:
    file, key = tmp_path / "file", f"{threads} {KEY}"
    file.write_bytes(BODY)
    answer = client.upload_file(BUCKET, key, str(file), PartSize=1, MAXThread=threads)
    digests = [hashlib.md5(BODY[i : i + MIB], usedforsecurity=False).digest() for i in range(0, len(BODY), MIB)]
    assert answer["ETag"] == f'"{hashlib.md5(b"".join(digests), usedforsecurity=False).hexdigest()}-4"'
    assert body_of(client, key) == BODY
    assert tasks_of(stub, key) == {vid_of(answer): False}
    assert client.list_multipart_uploads(BUCKET, Prefix=key).get("Upload") is None


def test_an_upload_goes_on_where_it_was_interrupted(client, stub, tmp_path) -> None:
    file, key = tmp_path / "file", "resumed.mp4"
    file.write_bytes(BODY)
    upload = client.create_multipart_upload(BUCKET, key, ContentType="video/mp4")["UploadId"]
    client.upload_part(BUCKET, key, BODY[2 * MIB : 3 * MIB], 3, upload)
    client.upload_part(BUCKET, key, b"wrong", 1, upload)
    client.upload_part(BUCKET, key, BODY[:MIB], 1, upload)
    listed = client.list_parts(BUCKET, key, upload, MaxParts=1)
    assert (listed["IsTruncated"], listed["NextPartNumberMarker"]) == ("true", "1")
    listed = client.list_parts(BUCKET, key, upload)
    assert [(part["PartNumber"], part["Size"]) for part in listed["Part"]] == [("1", str(MIB)), ("3", str(MIB))]
    assert [each["UploadId"] for each in client.list_multipart_uploads(BUCKET, Prefix="resumed")["Upload"]] == [upload]
    assert tasks_of(stub, key) == {}
    answer = client.upload_file(BUCKET, key, str(file), PartSize=1)
    assert body_of(client, key) == BODY
    assert client.head_object(BUCKET, key)["Content-Type"] == "video/mp4"
    assert list(tasks_of(stub, key)) == [vid_of(answer)]


def test_an_aborted_upload_leaves_nothing(client, sdk, stub) -> None:
    upload = client.create_multipart_upload(BUCKET, "aborted")["UploadId"]
    part = client.upload_part(BUCKET, "aborted", b"x", 1, upload)
    client.abort_multipart_upload(BUCKET, "aborted", upload)
    wanted = {"Part": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    fails(sdk, "NoSuchUpload", 404, client.complete_multipart_upload, BUCKET, "aborted", upload, wanted)
    fails(sdk, "NoSuchUpload", 404, client.abort_multipart_upload, BUCKET, "aborted", upload)
    fails(sdk, "NoSuchUpload", 404, client.upload_part, BUCKET, "aborted", b"x", 1, upload)
    assert not client.object_exists(BUCKET, "aborted")
    assert tasks_of(stub, "aborted") == {}


def test_a_copy_is_an_upload(client, stub) -> None:
    key = "copied/" + KEY
    client.put_object(BUCKET, BODY[:50], KEY, ContentType="video/mp4", CacheControl="no-store")
    source = {"Bucket": BUCKET, "Key": KEY, "Region": "sh"}
    answer = client.copy_object(BUCKET, key, source)
    assert body_of(client, key) == BODY[:50]
    assert answer["ETag"] == client.head_object(BUCKET, KEY)["ETag"]
    assert client.head_object(BUCKET, key)["Cache-Control"] == "no-store"
    assert tasks_of(stub, key) == {vid_of(answer): False}
    replaced = client.copy_object(BUCKET, key, source, CopyStatus="Replaced", ContentType="video/webm")
    assert client.head_object(BUCKET, key)["Content-Type"] == "video/webm"
    assert "Cache-Control" not in client.head_object(BUCKET, key)
    assert list(tasks_of(stub, key)) == [vid_of(replaced), vid_of(answer)]
    client.copy(BUCKET, key, source)
    assert len(tasks_of(stub, key)) == 3


def test_a_large_copy_goes_in_parts(client, stub) -> None:
    client.put_object(BUCKET, BODY, KEY)
    client.get_conf().set_copy_part_threshold_size(MIB)
    answer = client.copy(BUCKET, "large", {"Bucket": BUCKET, "Key": KEY, "Region": "sh"}, PartSize=1)
    assert body_of(client, "large") == BODY
    assert tasks_of(stub, "large") == {vid_of(answer): False}


def test_new_metadata_is_no_new_content(client, sdk, stub) -> None:
    vid = vid_of(client.put_object(BUCKET, BODY[:50], "same.mp4"))
    source = {"Bucket": BUCKET, "Key": "same.mp4", "Region": "sh"}
    fails(sdk, "InvalidRequest", 400, client.copy_object, BUCKET, "same.mp4", source)
    client.copy_object(BUCKET, "same.mp4", source, CopyStatus="Replaced", Metadata={"x-cos-meta-a": "1"})
    assert client.head_object(BUCKET, "same.mp4")["x-cos-meta-a"] == "1"
    assert body_of(client, "same.mp4") == BODY[:50]
    assert tasks_of(stub, "same.mp4") == {vid: False}


def test_ranges_and_preconditions(client, sdk) -> None:
    etag = client.put_object(BUCKET, BODY[:100], KEY)["ETag"]
    assert body_of(client, KEY, Range="bytes=10-19") == BODY[10:20]
    assert body_of(client, KEY, Range="bytes=-5", IfMatch=etag) == BODY[95:100]
    fails(sdk, "InvalidRange", 416, client.get_object, BUCKET, KEY, Range="bytes=100-")
    fails(sdk, "PreconditionFailed", 412, client.get_object, BUCKET, KEY, IfMatch='"other"')
    assert body_of(client, KEY, ResponseContentDisposition='attachment; filename="x"') == BODY[:100]


def test_a_download_in_ranges(client, tmp_path) -> None:
    client.put_object(BUCKET, BODY, KEY)
    target = tmp_path / "target"
    client.download_file(BUCKET, KEY, str(target), PartSize=1, MAXThread=3)
    assert target.read_bytes() == BODY


def test_lists_and_deletion(connect, sdk) -> None:
    client, bucket = connect(Region="gz"), "music-1250000000"
    for key in ("list/a", "list/b/1 ü&<", "list/b/2", "list/c"):
        client.put_object(bucket, b"x", key)
    listed = client.list_objects(bucket, Prefix="list/", Delimiter="/")
    assert [item["Key"] for item in listed["Contents"]] == ["list/a", "list/c"]
    assert [item["Prefix"] for item in listed["CommonPrefixes"]] == ["list/b/"]
    found = list[str]()
    marker: str | None = ""
    while marker is not None:
        page = client.list_objects(bucket, Prefix="list/", Marker=marker, MaxKeys=1)
        found += [item["Key"] for item in page["Contents"]]
        marker = page.get("NextMarker")
    assert found == ["list/a", "list/b/1 ü&<", "list/b/2", "list/c"]
    client.delete_object(bucket, "list/a")
    client.delete_object(bucket, "list/a")
    fails(sdk, "NoSuchKey", 404, client.get_object, bucket, "list/a")
    assert client.bucket_exists(bucket)
    assert not client.bucket_exists("none-1250000000")


def test_what_is_not_done_is_refused_and_changes_nothing(client, sdk, stub) -> None:
    vid = vid_of(client.put_object(BUCKET, BODY[:50], "untouched.mp4"))
    tags = {"TagSet": {"Tag": [{"Key": "k", "Value": "v"}]}}
    for call, arguments in (
        (client.put_object_acl, {"ACL": "private"}),
        (client.get_object_acl, {}),
        (client.put_object_tagging, {"Tagging": tags}),
        (client.get_object_tagging, {}),
        (client.delete_object_tagging, {}),
        (client.restore_object, {"RestoreRequest": {"Days": 1}}),
        (client.append_object, {"Position": 0, "Data": b"x"}),
        (client.put_object, {"Body": b"x", "Tagging": "a=b"}),
        (client.put_object, {"Body": b"x", "ServerSideEncryption": "AES256"}),
    ):
        fails(sdk, "NotImplemented", 501, call, Bucket=BUCKET, Key="untouched.mp4", **arguments)
    fails(sdk, "NotImplemented", 501, client.create_bucket, BUCKET)
    fails(sdk, "NotImplemented", 501, client.delete_objects, BUCKET, {"Object": [{"Key": "untouched.mp4"}]})
    assert body_of(client, "untouched.mp4") == BODY[:50]
    assert tasks_of(stub, "untouched.mp4") == {vid: False}
