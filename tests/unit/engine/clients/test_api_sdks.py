"""The official SDKs of API v2 call the engine: Python and Node.js themselves, Java and .NET by the bytes they send."""

import base64
import hmac
import json
import os
import subprocess
import sys
import time

import pytest

URL = "http://music-1250000000.cosgz.myqcloud.com/none+such.mp3"
ADD = {"url": URL, "bucketName": "music", "bucketRegion": "gz"}
KEYS = {"SECRET_ID": "AKIDtest", "SECRET_KEY": "test-key"}
PYTHON = """
import json, os, sys
from QcloudApi.qcloudapi import QcloudApi
endpoint, method, algorithm, action, params = sys.argv[1:]
config = {"endpoint": endpoint, "secretId": os.environ["SECRET_ID"], "secretKey": os.environ["SECRET_KEY"]}
service = QcloudApi("cts", {**config, "method": method, "SignatureMethod": algorithm})
print(service.call(action, json.loads(params)).decode())
"""


def run(*command: str, **more) -> list[dict]:
    """Run a client; returns the answers that it prints, one a line."""
    env = {**os.environ, **KEYS, "no_proxy": "127.0.0.1", **more.pop("env", {})}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=env, **more)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("algorithm", ["HmacSHA1", "HmacSHA256"])
def test_the_python_sdk(engine, tls_front, method: str, algorithm: str) -> None:
    env = {"SSL_CERT_FILE": str(tls_front.certificate)}

    def call(action: str, params: dict) -> dict:
        command = [sys.executable, "-c", PYTHON, tls_front.host, method, algorithm, action, json.dumps(params)]
        return run(*command, env=env)[0]

    answer = call("AddCtsAudioTask", {**ADD, "under_score": "ä & b", "Under.0": ["x", 1], "under_Score2": ""})
    assert answer["code"] == 0, answer
    found = call("GetCtsaudioInfo", {"vid": answer["data"]["vid"]})
    assert (found["code"], found["data"]["url"]) == (0, URL)
    assert call("GetCtsInfo", {"vid": "none"})["code"] == 5000


NODE_CASES = [(method, algorithm) for method in ("GET", "POST") for algorithm in ("sha1", "sha256")]


@pytest.mark.parametrize(("method", "algorithm"), NODE_CASES)
def test_the_node_sdk(engine, node_sdk, method: str, algorithm: str) -> None:
    """Its nonces are below 65536. Two of one second may be equal by chance, so the seed of each run is fixed."""
    seed = f"--random-seed={NODE_CASES.index((method, algorithm)) + 1}"
    odd = {"under_score": "ä & b", "_first": "x", "underZ": "1", "under_a": "", "list": ["x", {"y_z": 1}]}
    adds = [json.dumps({"Action": "AddCtsAudioTask", **ADD, **odd}) for _ in range(20)]
    answers = run("node", seed, "call.js", f"127.0.0.1:{engine.port}", method, algorithm, *adds, cwd=node_sdk)
    assert [answer["code"] for answer in answers] == [0] * 20, answers
    assert len({answer["data"]["vid"] for answer in answers}) == 20


BOUNDARY = "---------------------------d41d8cd98f00b20"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def java_body(params: dict[str, str]) -> bytes:
    """Write the body the way the official Java and .NET SDKs do."""
    head = f'\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    fields = "".join(f'{head}{name}"\r\n\r\n{value}' for name, value in params.items())
    return f"{fields}\r\n--{BOUNDARY}--\r\n".encode()


def java_params(engine, **params: str) -> dict[str, str]:
    """Sign the way they do: names are put in order as they are, and written with dots."""
    common = {"SecretId": KEYS["SECRET_ID"], "Nonce": str(time.time_ns() % 2**31), "Timestamp": str(int(time.time()))}
    full = {**common, "RequestClient": "SDK_JAVA_2.0.5", **params}
    query = "&".join(f"{name.replace('_', '.')}={full[name]}" for name in sorted(full))
    text = f"POST127.0.0.1:{engine.port}/v2/index.php?{query}"
    digest = hmac.digest(KEYS["SECRET_KEY"].encode(), text.encode(), "sha1")
    full["Signature"] = base64.b64encode(digest).decode()
    return {name: full[name] for name in sorted(full)}


def post(engine, body: bytes, content_type: str = MULTIPART, query: str = "") -> dict:
    status, _, answer = engine.request("POST", f"/v2/index.php{query}", body, {"Content-Type": content_type})
    assert status == 200
    return json.loads(answer)


def test_a_post_of_the_java_sdk(engine) -> None:
    answer = post(engine, java_body(java_params(engine, Action="AddCtsAudioTask", RequestClient2="ä&=%20+", **ADD)))
    assert answer["code"] == 0, answer
    found = engine.call("GetCtsaudioInfo", vid=answer["data"]["vid"])
    assert found["data"]["url"] == URL


def test_a_multipart_form_is_checked_like_any_other(engine) -> None:
    params = java_params(engine, Action="AddCtsAudioTask", **ADD)
    assert post(engine, java_body({**params, "url": "http://x"}))["code"] == 4100
    assert post(engine, java_body(params)[:-5])["code"] == 4000
    assert post(engine, java_body(params), "multipart/form-data")["code"] == 4000
    assert post(engine, java_body({**params, "pad": "x" * (1 << 20)}))["code"] == 4000
    assert post(engine, java_body(params).replace(b'"url"', b'"url"; filename="x"'))["code"] == 4000
    assert post(engine, java_body(params))["code"] == 0
