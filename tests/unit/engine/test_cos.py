"""Buckets over HTTP."""

import hashlib
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hypothesis_profiles import patient

HOST = "music-1250000000.cosgz.myqcloud.com"
BODY = bytes(range(256)) * 4


@pytest.fixture(scope="module")
def stored(engine) -> str:
    engine.upload(HOST, "/dir/a%20b.mp3", BODY)
    return f"/cos/{HOST}/dir/a%20b.mp3"


def test_an_upload_can_be_read_by_host_and_by_path(engine, stored) -> None:
    for path, headers in (
        (stored, {}),
        ("/dir/a%20b.mp3", {"Host": HOST}),
        ("/dir/a%20b.mp3", {"Host": HOST + ":4580"}),
    ):
        status, found, body = engine.request("GET", path, headers=headers)
        assert (status, body) == (200, BODY)
        assert found["ETag"] == f'"{hashlib.md5(BODY, usedforsecurity=False).hexdigest()}"'
        assert found["Content-Type"] == "audio/mpeg"
        assert re.fullmatch(r"[A-Za-z0-9+/=]{30,}", found["x-cos-request-id"])
        assert found.get_all("Date") == [found["Date"]]


def test_head(engine, stored) -> None:
    status, headers, body = engine.request("HEAD", stored)
    assert (status, headers["Content-Length"], body) == (200, str(len(BODY)), b"")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-9", 0, 9), ("bytes=1000-", 1000, 1023), ("bytes=-4", 1020, 1023), ("bytes=9-9", 9, 9)],
)
def test_a_range(engine, stored, asked: str, first: int, last: int) -> None:
    status, headers, body = engine.request("GET", stored, headers={"Range": asked})
    assert (status, body) == (206, BODY[first : last + 1])
    assert headers["Content-Range"] == f"bytes {first}-{last}/{len(BODY)}"


def test_a_range_beyond_the_end(engine, stored) -> None:
    status, headers, _ = engine.request("GET", stored, headers={"Range": "bytes=5000-"})
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(BODY)}")


def test_a_key_that_looks_like_a_broken_url_is_a_key(engine) -> None:
    for key in ("//[x", "http:%2F%2F[", "data:,x", "a;b,c.mp3"):
        assert engine.request("PUT", f"/cos/{HOST}/{key}", b"x")[0] == 200
        assert engine.request("GET", f"/cos/{HOST}/{key}")[0] == 200


def test_an_upload_by_path_replaces(engine, stored) -> None:
    path = f"/cos/{HOST}/replaced.bin"
    for body in (b"one", b"two"):
        assert engine.request("PUT", path, body)[0] == 200
        assert engine.request("GET", path)[2] == body


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", f"/cos/{HOST}/none.mp3", 404, b"NoSuchKey"),
        ("GET", "/cos/none-1.cosgz.myqcloud.com/a", 404, b"NoSuchBucket"),
        ("GET", "/cos/localhost/a", 404, b"NoSuchBucket"),
        ("PUT", "/cos/none-1.cosgz.myqcloud.com/a", 404, b"NoSuchBucket"),
        ("PUT", f"/cos/{HOST}/", 501, b"NotImplemented"),
        ("POST", f"/cos/{HOST}", 501, b"NotImplemented"),
        ("DELETE", f"/cos/{HOST}/", 501, b"NotImplemented"),
        ("PATCH", f"/cos/{HOST}/a", 405, b"MethodNotAllowed"),
        ("DELETE", "/cos/none-1.cosgz.myqcloud.com/a", 404, b"NoSuchBucket"),
        ("GET", f"/cos/{HOST}/%ff%fe", 400, b"InvalidURI"),
        ("GET", f"/cos/{HOST}/../../engine.sqlite3", 400, b"InvalidURI"),
        ("GET", f"/cos/{HOST}/%2e%2e/%2e%2e/engine.sqlite3", 400, b"InvalidURI"),
        ("PUT", f"/cos/{HOST}/..%2f..%2fconfig.json", 400, b"InvalidURI"),
        ("PUT", f"/cos/{HOST}/..%5c..%5cconfig.json", 400, b"InvalidURI"),
        ("GET", f"/cos/{HOST}//etc/passwd", 404, b"NoSuchKey"),
        ("GET", f"/cos/{HOST}/a%00b", 400, b"InvalidURI"),
        ("PUT", f"/cos/{HOST}/g/%C4%E3.mp3", 400, b"InvalidURI"),
        ("PUT", f"/cos/{HOST}/g/%BA%C3.mp3", 400, b"InvalidURI"),
        ("PUT", f"/cos/{HOST}/%ED%A0%80", 400, b"InvalidURI"),
        ("PUT", f"/cos/{HOST}/{'k' * 851}", 400, b"InvalidURI"),
    ],
)
def test_errors_are_those_of_cos(engine, method: str, path: str, status: int, code: bytes) -> None:
    found, headers, body = engine.request(method, path, b"" if method == "PUT" else None)
    assert found == status
    assert headers["Content-Type"] == "application/xml"
    assert b"<Code>" + code + b"</Code>" in body
    assert headers["x-cos-request-id"].encode() in body


def test_odd_keys_are_objects_of_their_own(engine) -> None:
    keys = [
        "o#b",
        "o?b",
        "o%",
        "o%20b",
        "o b",
        "o+b",
        "o%2Fb",
        "o/b",
        "o://[b",
        "\ufffd",
        "\U0001f469\u200d\U0001f3a4",
        "k" * 850,
    ]
    for key in keys:
        assert engine.request("PUT", f"/{quote(key)}", key.encode(), {"Host": HOST})[0] == 200
    for key in keys:
        for path, headers in ((f"/{quote(key)}", {"Host": HOST}), (f"/cos/{HOST}/{quote(key)}", {})):
            assert engine.request("GET", path, headers=headers)[2] == key.encode()


@pytest.mark.parametrize("given", ["text/html", "image/svg+xml", "application/javascript; charset=x"])
def test_nothing_that_a_browser_would_run_is_served_as_such(engine, given: str) -> None:
    path = f"/cos/{HOST}/page.html"
    engine.request("PUT", path, b"<script>", {"Content-Type": given})
    headers = engine.request("GET", path)[1]
    assert (headers["Content-Type"], headers["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")


def test_a_body_over_the_limit_is_not_kept(start_engine, tmp_path) -> None:
    keys = {"secret_id": "a", "secret_key": "b"}
    buckets = [{"name": "music", "region": "gz"}]
    stub = start_engine({"credentials": keys, "transcoder": "stub", "max_object_size": 100, "buckets": buckets})
    status, _, body = stub.request("PUT", f"/cos/{HOST}/big", b"x" * 101)
    assert (status, b"EntityTooLarge" in body) == (400, True)
    assert stub.request("GET", f"/cos/{HOST}/big")[0] == 404
    assert list((tmp_path / "data" / "drafts").iterdir()) == []


SOURCE = "x-cos-copy-source"
VIDEO = "cts-1250000000.cossh.myqcloud.com"


def parse(body: bytes) -> ET.Element:
    return ET.fromstring(body)  # noqa: S314 (the engine's own)


def code_of(body: bytes) -> str:
    """Read the code of an error document, which must be XML with all four parts."""
    root = parse(body)
    assert [root.tag, *(child.tag for child in root)] == ["Error", "Code", "Message", "Resource", "RequestId"]
    return root.findtext("Code", "")


def begin(engine, key: str, host: str = HOST) -> str:
    _, _, body = engine.request("POST", f"/cos/{host}/{key}?uploads")
    return parse(body).findtext("UploadId", "")


def parts_xml(*parts: tuple[object, str]) -> bytes:
    inner = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in parts)
    return f"<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>".encode()


@pytest.fixture
def kept(stub) -> Iterator[str]:
    """A video whose task still runs: no refused request may change the object or the task."""
    stub.console("config", {"stage_delay": 60})
    vid = stub.upload(VIDEO, "/kept.mp4", BODY)
    yield "kept.mp4"
    stub.console("config", {"stage_delay": 0})
    assert stub.request("GET", f"/cos/{VIDEO}/kept.mp4")[2] == BODY
    assert stub.call("GetCtsInfo", vid=vid)["data"]["deleted"] == "no"
    newest = stub.call("GetCtsInfo", url=f"http://{VIDEO}/kept.mp4")
    assert newest["data"]["vid"] == vid
    stub.upload(VIDEO, "/kept.mp4", b"ends the task that waits")


SUB_RESOURCES = [
    *(
        "acl",
        "append",
        "accelerate",
        "ci-process",
        "cors",
        "delete",
        "domain",
        "encryption",
        "imageMogr2/thumbnail/100",
    ),
    *("intelligenttiering", "inventory", "lifecycle", "logging", "object-lock", "origin", "policy", "referer"),
    *("renameObject", "replication", "requestPayment", "restore", "retention", "select", "symlink", "sync", "tagging"),
    *("torrent", "truncate", "uploads", "versioning", "versionId=1", "versions", "website"),
    *("uploadId=x&partNumber=1&acl", "partNumber=1", "X-Amz-Signature=x", "unknown"),
]


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_no_sub_resource_is_taken_for_the_object(stub, kept, method: str) -> None:
    for name in SUB_RESOURCES:
        if (method, name) == ("POST", "uploads"):
            continue
        status, _, body = stub.request(method, f"/cos/{VIDEO}/{kept}?{name}", b"other")
        assert (status, code_of(body)) == (501, "NotImplemented"), name
        status, _, body = stub.request(method, f"/cos/{VIDEO}/?{name}", b"other")
        assert (status, code_of(body)) == (501, "NotImplemented"), name


@pytest.mark.parametrize("name", [each for each in SUB_RESOURCES if each != "uploads"])
def test_reading_a_sub_resource_is_no_reading_of_the_object(engine, stored, name: str) -> None:
    assert engine.request("HEAD", f"{stored}?{name}")[0] == 501
    assert code_of(engine.request("GET", f"{stored}?{name}")[2]) == "NotImplemented"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-cos-tagging": "a=b"},
        {"x-cos-callback": "e30="},
        {"X-Cos-Server-Side-Encryption": "AES256"},
        {"Pic-Operations": "{}"},
        {"x-amz-copy-source": "/a/b"},
        {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
        {"If-None-Match": "*"},
        {"If-Match": '"other"'},
        {"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"Content-Range": "bytes 0-4/10"},
    ],
)
def test_no_header_that_changes_a_write_is_left_out(stub, kept, headers: dict) -> None:
    status, _, body = stub.request("PUT", f"/cos/{VIDEO}/{kept}", b"other", headers)
    assert (status, code_of(body)) == (501, "NotImplemented")
    assert stub.request("GET", f"/cos/{VIDEO}/{kept}")[2] != b"other"


@pytest.mark.parametrize(
    ("source", "status", "code"),
    [
        ("", 400, "InvalidArgument"),
        ("/", 400, "InvalidArgument"),
        ("/cts-1250000000/kept.mp4", 400, "InvalidArgument"),
        (VIDEO, 400, "InvalidArgument"),
        (f"{VIDEO}/", 400, "InvalidArgument"),
        (f"{VIDEO}/none", 404, "NoSuchKey"),
        ("none-1.cos.sh.myqcloud.com/x", 404, "NoSuchBucket"),
        ("example.com/x", 404, "NoSuchBucket"),
        (f"http://{VIDEO}/kept.mp4", 404, "NoSuchBucket"),
        (f"{VIDEO}/%ff", 400, "InvalidURI"),
        (f"{VIDEO}/..%2f..%2fconfig.json", 400, "InvalidURI"),
        (f"{VIDEO}/kept.mp4?versionId=1", 501, "NotImplemented"),
        (f"{VIDEO}/kept.mp4", 400, "InvalidRequest"),
        (f"{VIDEO}/{'x' * 851}", 400, "InvalidURI"),
    ],
)
def test_a_copy_from_nowhere_changes_nothing(stub, kept, source: str, status: int, code: str) -> None:
    found, _, body = stub.request("PUT", f"/cos/{VIDEO}/{kept}", b"", {SOURCE: source})
    assert (found, code_of(body)) == (status, code)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"x-cos-metadata-directive": "Both"}, 400, "InvalidArgument"),
        ({"x-cos-copy-source-range": "bytes=0-1"}, 400, "InvalidArgument"),
        ({"x-cos-copy-source-If-Match": '"x"'}, 412, "PreconditionFailed"),
        ({"x-cos-copy-source-If-None-Match": "*"}, 412, "PreconditionFailed"),
        ({"x-cos-copy-source-If-Modified-Since": "Fri, 31 Dec 2100 23:59:59 GMT"}, 412, "PreconditionFailed"),
        ({"x-cos-copy-source-If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 412, "PreconditionFailed"),
        ({"x-cos-forbid-overwrite": "true"}, 409, "FileAlreadyExists"),
    ],
)
def test_a_copy_that_must_not_be_made(stub, kept, headers: dict, status: int, code: str) -> None:
    stub.upload(VIDEO, "/source", b"other")
    found, _, body = stub.request("PUT", f"/cos/{VIDEO}/{kept}", b"", {SOURCE: f"{VIDEO}/source", **headers})
    assert (found, code_of(body)) == (status, code)


def test_a_copy_source_is_unescaped_once(engine) -> None:
    for name, escaped in (("a%20b", "a%2520b"), ("ü?#", "%C3%BC%3F%23"), ("a+b", "a+b"), ("/x", "/x")):
        engine.request("PUT", f"/cos/{HOST}/{quote(name)}", name.encode())
        assert engine.request("PUT", f"/cos/{HOST}/target", b"", {SOURCE: f"{HOST}/{escaped}"})[0] == 200
        assert engine.request("GET", f"/cos/{HOST}/target")[2] == name.encode()


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-MD5": "x"}, 400, "InvalidDigest"),
        ({"Content-MD5": "YWJj"}, 400, "InvalidDigest"),
        ({"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, 400, "BadDigest"),
        ({"x-cos-forbid-overwrite": "true"}, 409, "FileAlreadyExists"),
        ({"x-cos-meta-a": "x" * 2048}, 400, "MetadataTooLarge"),
    ],
)
def test_an_upload_that_must_not_be_kept(stub, kept, headers: dict, status: int, code: str) -> None:
    found, _, body = stub.request("PUT", f"/cos/{VIDEO}/{kept}", b"other", headers)
    assert (found, code_of(body)) == (status, code)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "bytes=0-1,5-6",
        "bytes=a-b",
        "lines=0-1",
        "bytes=0x1-2",
        "bytes= 1-2",
        f"bytes={'9' * 20}-",
        "bytes=\u00b2-9",
        "bytes=--1",
        "bytes=1-2-3",
    ],
)
def test_a_range_out_of_form_means_the_whole_object(engine, stored, text: str) -> None:
    status, _, body = engine.request("GET", stored, headers={"Range": text})
    assert (status, body) == (200, BODY)


@pytest.mark.parametrize("text", ["bytes=1024-", "bytes=-0", f"bytes={'9' * 19}-", f"bytes=1024-{'9' * 19}"])
def test_a_range_that_is_not_there(engine, stored, text: str) -> None:
    status, headers, body = engine.request("GET", stored, headers={"Range": text})
    assert (status, code_of(body), headers["Content-Range"]) == (416, "InvalidRange", f"bytes */{len(BODY)}")


def test_ranges_of_an_empty_object(engine) -> None:
    engine.request("PUT", f"/cos/{HOST}/empty", b"")
    assert engine.request("GET", f"/cos/{HOST}/empty")[::2] == (200, b"")
    for text in ("bytes=0-", "bytes=-5", "bytes=0-0"):
        assert engine.request("GET", f"/cos/{HOST}/empty", headers={"Range": text})[0] == 416


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": "ETAG"}, 304),
        ({"If-None-Match": '"x", W/ETAG'}, 304),
        ({"If-None-Match": '"x"'}, 200),
        ({"If-Modified-Since": "Fri, 31 Dec 2100 23:59:59 GMT"}, 304),
        ({"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": "soon"}, 200),
        ({"If-None-Match": '"x"', "If-Modified-Since": "Fri, 31 Dec 2100 23:59:59 GMT"}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"x"'}, 412),
        ({"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 412),
        ({"If-Match": "ETAG", "If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 200),
        ({"If-Unmodified-Since": "Mon, 99 Foo 99999999999999999999 99:99:99"}, 200),
        ({"Range": "bytes=0-0", "If-Range": "ETAG"}, 206),
        ({"Range": "bytes=0-0", "If-Range": '"x"'}, 200),
    ],
)
def test_preconditions(engine, stored, headers: dict, status: int) -> None:
    etag = engine.request("HEAD", stored)[1]["ETag"]
    given = {name: value.replace("ETAG", etag) for name, value in headers.items()}
    found, answer, body = engine.request("GET", stored, headers=given)
    assert (found, answer["ETag"]) == (status, None if status == 412 else etag)
    assert len(body) == {200: 1024, 206: 1, 304: 0}.get(status, len(body))


def test_headers_of_an_answer_can_be_chosen(engine, stored) -> None:
    asked = "response-content-disposition=attachment%3B%20filename%3D%22x%22&response-content-type=text%2Fhtml"
    status, headers, _ = engine.request("GET", f"{stored}?{asked}&q-ak=x&q-sign-algorithm=sha1&sign=y")
    assert (status, headers["Content-Disposition"]) == (200, 'attachment; filename="x"')
    assert headers["Content-Type"] == "application/octet-stream"
    for value in ("a%0d%0aX: y", "%E4%BD%A0", "%00"):
        status, _, body = engine.request("GET", f"{stored}?response-expires={quote(value, safe='%')}")
        assert (status, code_of(body)) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("uploadId=none&partNumber=1", 404, "NoSuchUpload"),
        ("uploadId=&partNumber=1", 404, "NoSuchUpload"),
        ("uploadId=ID&partNumber=0", 400, "InvalidArgument"),
        ("uploadId=ID&partNumber=10001", 400, "InvalidArgument"),
        ("uploadId=ID&partNumber=-1", 400, "InvalidArgument"),
        ("uploadId=ID&partNumber=" + "9" * 5000, 400, "InvalidArgument"),
        ("uploadId=ID&partNumber=%D9%A1", 400, "InvalidArgument"),
        ("uploadId=ID&partNumber=", 400, "InvalidArgument"),
        ("uploadId=ID&partNumber=1&partNumber=2", 400, "InvalidArgument"),
        ("uploadId=%ff&partNumber=1", 400, "InvalidArgument"),
        ("&".join(f"a{i}" for i in range(200)), 400, "InvalidArgument"),
    ],
)
def test_a_part_of_nothing(engine, query: str, status: int, code: str) -> None:
    upload = begin(engine, "parts")
    found, _, body = engine.request("PUT", f"/cos/{HOST}/parts?{query.replace('ID', upload)}", b"x")
    assert (found, code_of(body)) == (status, code)
    assert engine.request("GET", f"/cos/{HOST}/parts")[0] == 404


def test_an_upload_id_is_good_for_its_key_only(engine) -> None:
    upload = begin(engine, "mine")
    for method, query in (("PUT", "&partNumber=1"), ("GET", ""), ("POST", ""), ("DELETE", "")):
        for where in (f"{HOST}/yours", f"{VIDEO}/mine"):
            found, _, body = engine.request(method, f"/cos/{where}?uploadId={upload}{query}", parts_xml((1, "x")))
            assert (found, code_of(body)) == (404, "NoSuchUpload")
    assert engine.request("GET", f"/cos/{HOST}/mine?uploadId={upload}")[0] == 200
    assert engine.request("DELETE", f"/cos/{HOST}/mine?uploadId={upload}")[0] == 204


ETAG = '"9dd4e461268c8034f5c8564e155c67a6"'  # of "x"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MalformedXML"),
        (b"<", "MalformedXML"),
        (b"<a/>", "MalformedXML"),
        (parts_xml(), "MalformedXML"),
        (b"<CompleteMultipartUpload><Part/></CompleteMultipartUpload>", "MalformedXML"),
        (parts_xml(("one", ETAG)), "MalformedXML"),
        (parts_xml(("-1", ETAG)), "MalformedXML"),
        (parts_xml((1, "")), "MalformedXML"),
        (b'<!DOCTYPE a [<!ENTITY b "1">]>' + parts_xml(("&b;", ETAG)), "MalformedXML"),
        (b'<?xml version="1.0" encoding="utf-99"?>' + parts_xml((1, ETAG)), "MalformedXML"),
        (b"\xff" + parts_xml((1, ETAG)), "MalformedXML"),
        (parts_xml(*((i, ETAG) for i in range(1, 10_002))), "MalformedXML"),
        (b"<CompleteMultipartUpload>" + b"<a>" * 100_000, "MalformedXML"),
        (parts_xml((1, ETAG), (1, ETAG)), "InvalidPartOrder"),
        (parts_xml((2, ETAG), (1, ETAG)), "InvalidPartOrder"),
        (parts_xml((2, ETAG)), "InvalidPart"),
        (parts_xml((1, "x")), "InvalidPart"),
        (parts_xml((1, ETAG), (3, ETAG)), "EntityTooSmall"),
        (b" " * (2 << 20) + parts_xml((1, ETAG)), "MalformedXML"),
    ],
)
def test_a_completion_out_of_form(stub, kept, body: bytes, code: str) -> None:
    upload = begin(stub, kept, VIDEO)
    for number in (1, 3):
        stub.request("PUT", f"/cos/{VIDEO}/{kept}?uploadId={upload}&partNumber={number}", b"x")
    status, _, answer = stub.request("POST", f"/cos/{VIDEO}/{kept}?uploadId={upload}", body)
    assert (status, code_of(answer)) == (400, code)
    assert stub.request("DELETE", f"/cos/{VIDEO}/{kept}?uploadId={upload}")[0] == 204


def test_parts_of_other_objects(engine, stored) -> None:
    upload = begin(engine, "joined")
    path = f"/cos/{HOST}/joined?uploadId={upload}"
    source = {SOURCE: f"{HOST}/dir/a%20b.mp3"}
    status, _, body = engine.request("PUT", f"{path}&partNumber=1", b"", {**source, f"{SOURCE}-range": "bytes=4-9"})
    assert status == 200
    etag = parse(body).findtext("ETag", "")
    for text, code in (
        ("bytes=0-1024", "InvalidRange"),
        ("bytes=0-", "InvalidArgument"),
        ("bytes=-4", "InvalidArgument"),
        ("bytes=3-1", "InvalidArgument"),
        ("x", "InvalidArgument"),
    ):
        answer = engine.request("PUT", f"{path}&partNumber=2", b"", {**source, f"{SOURCE}-range": text})
        assert code_of(answer[2]) == code
    assert code_of(engine.request("PUT", f"{path}&partNumber=2", b"", {SOURCE: f"{HOST}/none"})[2]) == "NoSuchKey"
    assert engine.request("POST", path, parts_xml((1, etag)))[0] == 200
    assert engine.request("GET", f"/cos/{HOST}/joined")[2] == BODY[4:10]


def test_a_list_of_odd_keys_is_xml(engine) -> None:
    for key in ("odd/&<>\"'", "odd/\ufffe", "odd/\U0001f600"):
        assert engine.request("PUT", f"/cos/{HOST}/{quote(key)}", b"x")[0] == 200
    _, _, body = engine.request("GET", f"/cos/{HOST}/?prefix=odd/")
    found = [each.text for each in parse(body).iter("Key")]
    assert found == ["odd/&<>\"'", "odd/\ufffd", "odd/\U0001f600"]
    _, _, body = engine.request("GET", f"/cos/{HOST}/?prefix=odd/&encoding-type=url&max-keys=0")
    assert parse(body).findtext("IsTruncated") == "false"


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("prefix", ["", "p/", "p/a", "p/\U0010ffff"])
@pytest.mark.parametrize("delimiter", ["", "/", "a/"])
def test_pages_make_a_whole_list(engine, size: int, prefix: str, delimiter: str) -> None:
    keys = [
        "p/a",
        "p/a/b",
        "p/a/c",
        "p/b/a/",
        "p/\U0010ffff",
        "p/\U0010ffff/a",
        "p/\U0010ffff\U0010ffff/a",
        "p0",
        "\ufffd",
    ]
    host = "moved-1250000000.cosgz.myqcloud.com"
    for key in keys:
        engine.request("PUT", f"/cos/{host}/{quote(key)}", b"x")
    found, marker = [], ""
    for _ in range(len(keys) + 1):
        asked = urlencode({"prefix": prefix, "delimiter": delimiter, "max-keys": size, "marker": marker})
        page = parse(engine.request("GET", f"/cos/{host}/?{asked}")[2])
        names = [each.text or "" for path in ("Contents/Key", "CommonPrefixes/Prefix") for each in page.findall(path)]
        assert len(names) <= size
        found += names
        if page.findtext("IsTruncated") == "false":
            break
        marker = page.findtext("NextMarker", "")
    below = [key for key in keys if key.startswith(prefix)]
    ends = {key: key.find(delimiter, len(prefix)) if delimiter else -1 for key in below}
    expected = {key if end < 0 else key[: end + len(delimiter)] for key, end in ends.items()}
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("query", ["max-keys=x", "max-keys=-1", "uploads&max-uploads=x", "prefix=%ff"])
def test_a_list_out_of_form(engine, query: str) -> None:
    status, _, body = engine.request("GET", f"/cos/{HOST}/?{query}")
    assert (status, code_of(body)) == (400, "InvalidArgument")


def test_a_folder_starts_no_task(stub) -> None:
    stub.upload(VIDEO, "/folder/", b"")
    stub.upload(VIDEO, "/folder/empty", b"")
    keys = [task["key"] for task in stub.console("tasks?limit=10")["tasks"]]
    assert ("folder/" in keys, "folder/empty" in keys) == (False, True)


def test_both_forms_of_a_host_are_one_bucket(engine) -> None:
    assert engine.request("PUT", "/forms", b"v5", {"Host": "music-1250000000.cos.gz.myqcloud.com"})[0] == 200
    assert engine.request("GET", "/forms", headers={"Host": HOST})[2] == b"v5"


def at_once(*calls: Callable[[], object]) -> list:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(call) for call in calls]]


def test_several_completions_at_once_start_one_task(stub) -> None:
    path = f"/cos/{VIDEO}/once.mp4?uploadId={begin(stub, 'once.mp4', VIDEO)}"
    stub.request("PUT", f"{path}&partNumber=1", b"x")
    answers = at_once(*[lambda: stub.request("POST", path, parts_xml((1, ETAG)))] * 6)
    assert sorted({status for status, _, _ in answers} - {404, 409}) == [200]
    (done,) = [headers for status, headers, _ in answers if status == 200]
    moment = int(parsedate_to_datetime(done["Date"]).timestamp())
    vid = hashlib.md5(done["x-cos-request-id"].encode(), usedforsecurity=False).hexdigest() + str(moment)
    tasks = [task["vid"] for task in stub.console("tasks?limit=1000")["tasks"] if task["key"] == "once.mp4"]
    assert tasks == [vid]
    assert stub.final("GetCtsInfo", vid)["status"] == 5


def test_an_object_that_is_replaced_is_never_half_an_object(engine) -> None:
    path, bodies = f"/cos/{HOST}/busy", {bytes([i]) * 300_000 for i in range(3)}
    engine.request("PUT", path, b"\0" * 300_000)

    def write_and_read(body: bytes) -> list[tuple[int, bytes]]:
        found = []
        for _ in range(8):
            assert engine.request("PUT", path, body)[0] == 200
            assert engine.request("PUT", f"{path}-copy", b"", {SOURCE: f"{HOST}/busy"})[0] == 200
            found += [engine.request("GET", each)[::2] for each in (path, f"{path}-copy")]
        return found

    seen = at_once(*[lambda body=body: write_and_read(body) for body in bodies])
    assert all(status == 200 and body in bodies for answers in seen for status, body in answers)


WORDS = st.sampled_from(
    [
        *(
            "uploads",
            "uploadId",
            "partNumber",
            "acl",
            "prefix",
            "delimiter",
            "marker",
            "max-keys",
            "encoding-type",
            "url",
        ),
        *(
            "response-expires",
            "key-marker",
            "1",
            "0",
            "-1",
            "x",
            "%00",
            "%ff",
            "=",
            "&",
            "/",
            "%2e%2e",
            "a",
            "\u00fc",
            "+",
        ),
    ]
)
HEADER_VALUES = st.sampled_from(
    [f"{VIDEO}/a", "bytes=0-0", "bytes=-", "true", "Replaced", "*", '"x"', "", "1B2M2Y8AsgTpgAmY7PhCfg==", "text/html"]
) | st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=10)
HEADER_NAMES = st.sampled_from(
    [
        *(
            SOURCE,
            f"{SOURCE}-range",
            f"{SOURCE}-if-match",
            "x-cos-metadata-directive",
            "x-cos-forbid-overwrite",
            "range",
        ),
        *("if-match", "if-none-match", "if-modified-since", "content-md5", "content-type", "x-cos-meta-a", "expires"),
    ]
)


@patient
@given(
    method=st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE"]),
    key=st.lists(WORDS, max_size=4).map("".join),
    query=st.lists(WORDS, max_size=8).map("".join),
    headers=st.dictionaries(HEADER_NAMES, HEADER_VALUES, max_size=4),
    body=st.sampled_from([b"", b"x", parts_xml((1, ETAG))]),
)
def test_any_request_is_answered(engine, method: str, key: str, query: str, headers: dict, body: bytes) -> None:
    where = f"/cos/{HOST}/{quote(key, safe='/%+&=')}?{quote(query, safe='%=&+/')}"
    status, answer, content = engine.request(method, where, body, {n: v.strip() for n, v in headers.items()})
    assert status < 500 or status == 501
    assert answer["x-cos-request-id"]
    if status >= 400 and method != "HEAD":
        code_of(content)
