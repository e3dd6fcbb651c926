"""The signed API over HTTP: every check and its code."""

import json
import secrets
import socket
import time
from urllib.parse import quote, urlencode

import pytest

from tests.unit.engine.conftest import AUDIO_HOST, VIDEO_HOST

URL = "http://music-1250000000.cosgz.myqcloud.com/none.mp3"
ADD = {"url": URL, "bucketName": "music", "bucketRegion": "gz"}


def later(seconds: int) -> str:
    return str(int(time.time()) + seconds)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("algorithm", [None, "HmacSHA1", "HmacSHA256"])
def test_a_signed_call_is_taken(engine, method: str, algorithm: str | None) -> None:
    answer = engine.call("AddCtsAudioTask", method, SignatureMethod=algorithm, RequestClient="x", Region="gz", **ADD)
    assert answer.keys() == {"code", "message", "codeDesc", "data"}
    assert (answer["code"], answer["message"], answer["codeDesc"]) == (0, "", "Success")
    vid = answer["data"]["vid"]
    assert len(vid) == 42
    assert int(vid[:32], 16) >= 0
    assert abs(int(vid[32:]) - time.time()) < 5


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"SecretId": "AKIDother"}, 4104),
        ({"Signature": "AAAA"}, 4100),
        ({"Signature": ""}, 4000),
        ({"Nonce": None}, 4000),
        ({"Nonce": "-1"}, 4000),
        ({"Nonce": "x"}, 4000),
        ({"Timestamp": None}, 4000),
        ({"Timestamp": "soon"}, 4000),
        ({"SecretId": None}, 4000),
        ({"Action": None}, 4000),
        ({"Action": "DescribeCdnHosts"}, 6100),
        ({"url": None}, 4000),
        ({"bucketName": None}, 4000),
        ({"bucketRegion": ""}, 4000),
        ({"bucketName": "other"}, 4000),
        ({"bucketRegion": "sh"}, 4000),
        ({"url": "http://example.com/x.mp3"}, 4000),
        ({"url": "http://music-1250000000.cosgz.myqcloud.com/../x.mp3"}, 4000),
    ],
)
def test_what_is_wrong_has_its_code(engine, change: dict, code: int) -> None:
    answer = engine.send(engine.signed(**{"action": "AddCtsAudioTask", **ADD, **change}))
    assert answer["code"] == code
    assert answer["message"]
    assert answer["data"] == {}


@pytest.mark.parametrize(("offset", "code"), [(-290, 0), (290, 0), (-310, 4500), (310, 4500)])
def test_the_window_has_two_sides(engine, offset: int, code: int) -> None:
    assert engine.call("AddCtsAudioTask", Timestamp=later(offset), **ADD)["code"] == code


def test_a_nonce_is_good_once(engine) -> None:
    params = engine.signed("AddCtsAudioTask", **ADD)
    assert [engine.send(params)["code"] for _ in range(3)] == [0, 4500, 4500]


def test_the_same_nonce_at_another_time_is_another_call(engine) -> None:
    """Official clients draw from 65536 nonces, and several of one minute are the same by chance."""
    nonce = str(secrets.randbelow(65535) + 1)
    times = [later(-2), later(-1), later(-2)]
    codes = [engine.call("AddCtsAudioTask", Nonce=nonce, Timestamp=each, **ADD)["code"] for each in times]
    assert codes == [0, 0, 4500]


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b0"])
def test_parameters_may_be_in_the_query_beside_a_body(engine, kind: str) -> None:
    params = engine.signed("AddCtsAudioTask", "POST", **ADD)
    for in_query in ({"Action"}, {"Signature", "Nonce", "url"}, set(), set(params)):
        query = urlencode({name: params[name] for name in in_query})
        inside = {name: value for name, value in params.items() if name not in in_query}
        answer = post(engine, kind, query, inside)
        assert answer["code"] == 0, answer
        params = engine.signed("AddCtsAudioTask", "POST", **ADD)


@pytest.mark.parametrize("value", ["GetCtsInfo", "AddCtsAudioTask"])
def test_a_parameter_in_query_and_body_is_refused(engine, value: str) -> None:
    params = engine.signed("AddCtsAudioTask", "POST", **ADD)
    answer = post(engine, "application/x-www-form-urlencoded", f"Action={value}", params)
    assert (answer["code"], answer["message"]) == (4000, "parameters: a name is given twice")


def post(engine, kind: str, query: str, params: dict[str, str]) -> dict:
    parts = "".join(
        f'--b0\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in params.items()
    )
    body = f"{parts}--b0--\r\n" if kind.startswith("multipart") else urlencode(params)
    status, _, answer = engine.request("POST", f"/v2/index.php?{query}", body.encode(), {"Content-Type": kind})
    assert status == 200
    return json.loads(answer)


def test_a_client_that_leaves_in_the_middle_is_no_error_of_ours(engine) -> None:
    with socket.create_connection(("127.0.0.1", engine.port)) as connection:
        connection.sendall(b"POST /v2/index.php HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nAction=")
    assert engine.call("GetCtsInfo", vid="x")["code"] == 5000


def test_a_wrong_signature_burns_no_nonce(engine) -> None:
    nonce = str(secrets.randbits(62) + 1)
    assert engine.call("AddCtsAudioTask", Nonce=nonce, Signature="AAAA", **ADD)["code"] == 4100
    assert engine.call("AddCtsAudioTask", Nonce=nonce, **ADD)["code"] == 0


def test_the_method_is_signed(engine) -> None:
    assert engine.send(engine.signed("AddCtsAudioTask", "GET", **ADD), "POST")["code"] == 4100


@pytest.mark.parametrize(
    ("action", "params", "code"),
    [
        ("GetCtsInfo", {}, 4000),
        ("GetCtsInfo", {"vid": "0" * 42}, 5000),
        ("GetCtsInfo", {"url": URL}, 5000),
        ("GetCtsInfo", {"url": "nonsense"}, 4000),
        ("GetCtsaudioInfo", {}, 4000),
        ("GetCtsaudioInfo", {"vid": "x"}, 5000),
        ("GetCtsaudioInfo", {"url": URL}, 4000),
    ],
)
def test_queries_without_an_answer(engine, action: str, params: dict, code: int) -> None:
    assert engine.call(action, **params)["code"] == code


def test_an_audio_task_is_no_video_task(engine) -> None:
    vid = engine.submit("/none.mp3")
    assert engine.call("GetCtsInfo", vid=vid)["code"] == 5000
    assert engine.call("GetCtsaudioInfo", vid=vid)["code"] == 0


def test_a_name_given_twice_is_refused(engine) -> None:
    _, _, answer = engine.request("GET", "/v2/index.php?Action=GetCtsInfo&Action=GetCtsInfo")
    assert b'"code":4000' in answer


def test_a_large_body_is_refused(engine) -> None:
    _, _, answer = engine.request("POST", "/v2/index.php", b"a=" + b"x" * (1 << 20))
    assert b'"code":4000' in answer


def test_vids_of_one_second_differ(stub) -> None:
    vids = [stub.submit("/none.mp3") for _ in range(50)]
    assert len(set(vids)) == 50


@pytest.mark.parametrize(
    "key",
    ["a#b", "a?b=c", "100%", "a%20b", "a b", "a+b", "%E4%BD%A0", "\u4f60", "\U0001f469\u200d\U0001f3a4", "k" * 800],
)
def test_a_url_is_read_escaped_and_printed_raw(stub, receiver, key: str) -> None:
    stub.upload(VIDEO_HOST, f"/{quote(key)}", b"any bytes")
    stub.upload(AUDIO_HOST, f"/{quote(key)}", b"any bytes")
    video = stub.call("GetCtsInfo", url=f"http://{VIDEO_HOST}/{quote(key)}")["data"]
    audio = stub.final("GetCtsaudioInfo", stub.submit(f"/{quote(key)}"))
    for host, data in ((VIDEO_HOST, video), (AUDIO_HOST, audio)):
        assert (data["url"], data["url_f0"]) == (f"http://{host}/{key}", f"/{key}")
    assert audio["status"] == 5
    assert audio["result"]["audio"]["info"][0]["path"].startswith(f"/{key}.")
    assert receiver.of(audio["vid"])[0]["url"] == audio["url"]


@pytest.mark.parametrize(
    "url",
    ["https://H/a", "http://H:80/a", "http://H/a?b", "http://H/a#b", "http://H/%", "http://H/%C4%E3", "http://H/a/"],
)
def test_a_url_that_names_no_file_is_refused(engine, url: str) -> None:
    for action, more in (("GetCtsInfo", {}), ("AddCtsAudioTask", {"bucketName": "music", "bucketRegion": "gz"})):
        assert engine.call(action, url=url.replace("H", AUDIO_HOST), **more)["code"] == 4000


def test_a_token_can_be_required(stub) -> None:
    stub.console("config", {"credentials": {"token": "t"}})
    assert stub.call("AddCtsAudioTask", **ADD)["code"] == 4105
    assert stub.call("AddCtsAudioTask", Token="x", **ADD)["code"] == 4105
    assert stub.call("AddCtsAudioTask", Token="t", **ADD)["code"] == 0


def test_faults_of_the_api(stub) -> None:
    stub.console("faults", {"api_error": 4400})
    answer = stub.call("GetCtsInfo", vid="x")
    assert (answer["code"], answer["codeDesc"]) == (4400, "QuotaExceeded")
    stub.console("faults", {"api_http_status": 503})
    assert stub.request("GET", "/v2/index.php")[0] == 503
    stub.console("faults", {"api_hang": 0.4})
    begun = time.monotonic()
    assert stub.call("AddCtsAudioTask", **ADD)["code"] == 0
    assert time.monotonic() - begun >= 0.4
    assert stub.console("faults", {}) == stub.console("faults")
    assert stub.call("GetCtsInfo", vid="x")["code"] == 5000
