"""Buckets over HTTP."""

import hashlib
import re
from urllib.parse import quote

import pytest

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
        ("PUT", f"/cos/{HOST}/", 400, b"InvalidURI"),
        ("GET", f"/cos/{HOST}", 400, b"InvalidURI"),
        ("DELETE", f"/cos/{HOST}/a", 405, b"MethodNotAllowed"),
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
