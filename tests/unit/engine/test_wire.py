"""The outermost layer: targets in absolute form, names of headers."""

import socket

import pytest

from engine.wire import to_origin_form, usual_name
from mediarelay.errors import Malformed

HOST = "music-1250000000.cosgz.myqcloud.com"


def raw(engine, text: str) -> bytes:
    """Send bytes as they are; returns the whole answer."""
    with socket.create_connection(("127.0.0.1", engine.port), timeout=10) as connection:
        connection.sendall(text.encode("latin-1"))
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


@pytest.mark.parametrize("scheme", ["http", "HTTP", "https"])
@pytest.mark.parametrize("stated", ["example.com", "cts-1250000000.cossh.myqcloud.com", "127.0.0.1"])
def test_the_host_of_an_absolute_target_counts(engine, scheme: str, stated: str) -> None:
    head = f"PUT {scheme}://{HOST}/by%20proxy.bin HTTP/1.1\r\nHost: {stated}\r\nConnection: close\r\n"
    answer = raw(engine, f"{head}Content-Length: 4\r\n\r\n{scheme[:4]}")
    assert answer.startswith(b"HTTP/1.1 200 ")
    status, _, body = engine.request("GET", "/by%20proxy.bin", headers={"Host": HOST})
    assert (status, body) == (200, scheme[:4].encode())


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (f"http://user@{HOST}/x", 400),
        ("http:///x", 400),
        ("ftp://x/y", 400),
        ("x", 400),
        (f"http://{HOST}?prefix=none", 200),
        (f"http://{HOST}", 200),
        ("http://example.com/x", 404),
        ("*", 404),
    ],
)
def test_other_targets(engine, target: str, status: int) -> None:
    answer = raw(engine, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.split(b" ")[1] == str(status).encode()


def test_a_signed_call_through_a_proxy_is_for_the_host_in_its_target(engine) -> None:
    host = "cdn.api.qcloud.com"
    params = engine.signed("GetCtsaudioInfo", host=host, vid="none")
    assert engine.send(params, target=f"http://{host}/v2/index.php")["code"] == 5000
    assert engine.send(params)["code"] == 4100


def test_an_upload_without_an_end_is_no_empty_object(engine) -> None:
    head = f"PUT /endless.bin HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n"
    assert b" 411 " in raw(engine, f"{head}\r\n").partition(b"\r\n")[0]
    assert engine.request("GET", "/endless.bin", headers={"Host": HOST})[0] == 404
    chunks = "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    assert b" 200 " in raw(engine, head + chunks).partition(b"\r\n")[0]
    assert engine.request("GET", "/endless.bin", headers={"Host": HOST})[2] == b"hi"


def test_names_of_headers_are_those_that_sdks_look_for(engine) -> None:
    head = f"PUT /names HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n"
    answer = raw(engine, f"{head}x-cos-meta-a: 1\r\nContent-Length: 1\r\n\r\nx")
    names = [line.split(b":")[0] for line in answer.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]]
    assert {b"ETag", b"Date", b"x-cos-request-id", b"Content-Length"} <= set(names)
    answer = raw(engine, f"GET /names HTTP/1.1\r\nHost: {HOST.upper()}\r\nConnection: close\r\n\r\n")
    names = [line.split(b":")[0] for line in answer.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]]
    assert {b"ETag", b"Last-Modified", b"Accept-Ranges", b"Content-Type", b"x-cos-meta-a"} <= set(names)


def test_usual_names() -> None:
    given = [b"etag", b"content-md5", b"x-cos-request-id", b"x-content-type-options"]
    assert [usual_name(name) for name in given] == [b"ETag", b"Content-Md5", given[2], b"X-Content-Type-Options"]


def test_a_target_keeps_its_escapes() -> None:
    scope = {
        "type": "http",
        "raw_path": b"http://h:1/a%2fb%20",
        "path": "?",
        "headers": [(b"host", b"x"), (b"a", b"b")],
    }
    found = to_origin_form(scope)
    assert (found["raw_path"], found["path"]) == (b"/a%2fb%20", "/a/b ")
    assert found["headers"] == [(b"host", b"h:1"), (b"a", b"b")]
    assert to_origin_form({"raw_path": b"/x"}) == {"raw_path": b"/x"}
    with pytest.raises(Malformed):
        to_origin_form({"raw_path": b"host:443"})
