"""`mediarelay sign` and `mediarelay verify`: what one prints, the other accepts; a broken rule is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from mediarelay_cli.errors import Exit
from tests.unit.cli.running import run

NOW = "1700000000"
API = "https://cdn.api.qcloud.com/v2/index.php"
WEBHOOK = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def secret(tmp_path: Path) -> str:
    file = tmp_path / "secret.txt"
    file.write_text("Gu5t9xGARNpq86cd98joQYCN3EXAMPLE\n")
    return str(file)


@pytest.fixture
def body(tmp_path: Path) -> str:
    file = tmp_path / "body.json"
    file.write_text('{"a": 1}')
    return str(file)


def result(*arguments: str, stdin: str = "") -> tuple[int, dict[str, Any]]:
    code, out, err = run(*arguments, "--json", stdin=stdin)
    assert out, err
    return code, json.loads(out)


def rules(found: dict[str, Any]) -> list[str]:
    return [one["rule"] for one in found["rules"]]


def signed_url(secret: str) -> str:
    arguments = ["--param", "Action=GetCtsInfo", "--param", "url=a b", "--secret-id", "AKID", "--timestamp", NOW]
    code, found = result("sign", "qcloud", "--url", API, *arguments, "--nonce", "7", "--secret-file", secret)
    assert code == Exit.OK
    assert found["string_to_sign"].startswith("GETcdn.api.qcloud.com/v2/index.php?Action=GetCtsInfo&Nonce=7&SecretId=")
    return f"{API}?{found['send']['parameters']}"


def test_qcloud(secret: str) -> None:
    url = signed_url(secret)
    code, found = result("verify", "qcloud", "--url", url, "--at", NOW, "--secret-file", secret)
    assert (code, found["valid"], rules(found)) == (Exit.OK, True, [])


def test_a_late_call_is_not_valid(secret: str) -> None:
    late = str(int(NOW) + 301)
    code, found = result("verify", "qcloud", "--url", signed_url(secret), "--at", late, "--secret-file", secret)
    assert (code, rules(found)) == (Exit.PROBLEM, ["timestamp_outside_window"])


def test_a_foreign_text_shows_where_it_differs(secret: str, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.txt"
    theirs.write_text("GETcdn.api.qcloud.com/v2/index.php?Action=GetCtsInfo&Nonce=8")
    wrong = f"{signed_url(secret)[:-6]}AAAA%3D"
    arguments = ["--at", NOW, "--their-text", str(theirs), "--secret-file", secret]
    code, found = result("verify", "qcloud", "--url", wrong, *arguments)
    assert (code, rules(found)) == (Exit.PROBLEM, ["unexplained"])
    assert found["difference"].startswith("character 60: '7")


def http(headers: dict[str, str], body: str) -> str:
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(["POST / HTTP/1.1", *lines, "", body])


def test_tc3(secret: str, body: str, tmp_path: Path) -> None:
    arguments = ["--url", "https://mps.tencentcloudapi.com", "--body", body, "--secret-id", "AKID", "--timestamp", NOW]
    code, found = result("sign", "tc3", *arguments, "--secret-file", secret)
    assert code == Exit.OK
    assert found["canonical_request"].startswith("POST\n/\n\ncontent-type:application/json\nhost:mps.")
    request = tmp_path / "call.http"
    request.write_text(http(found["send"], Path(body).read_text()))
    verify = ["verify", "tc3", "--request", str(request), "--at", NOW, "--secret-file", secret]
    assert result(*verify)[1]["valid"]
    request.write_text(http(found["send"], '{"a":1}'))
    code, other = result(*verify)
    assert (code, rules(other), other["rules"][0]["finding"]) == (
        *(Exit.PROBLEM, ["body"]),
        "Your client signs the body serialised again.",
    )


def test_the_form_of_a_tc3_header_is_checked(secret: str, body: str) -> None:
    headers = [
        *("--header", "Content-Type: application/json", "--header", f"X-TC-Timestamp: {NOW}"),
        "--header",
        "Authorization: TC3-HMAC-SHA256 Credential=AKID/2023-11-15/cvm/tc3_request, SignedHeaders=Host, Signature=00",
    ]
    url = ["--url", "https://mps.tencentcloudapi.com", "--body", body]
    code, found = result("verify", "tc3", *url, *headers, "--at", NOW, "--secret-file", secret)
    assert (code, rules(found)) == (Exit.PROBLEM, ["unexplained", "scope", "signed_headers", "required_headers"])


def test_webhook(body: str, tmp_path: Path) -> None:
    secret = tmp_path / "whsec.txt"
    secret.write_text(WEBHOOK)
    arguments = ["--body", body, "--id", "msg_1", "--timestamp", NOW, "--secret-file", str(secret)]
    code, found = result("sign", "webhook", *arguments)
    assert (code, found["string_to_sign"]) == (Exit.OK, 'msg_1.1700000000.{"a": 1}')
    signature = f"v2,x {found['signature']}"
    assert result("verify", "webhook", *arguments, "--signature", signature, "--at", NOW)[1]["valid"]
    code, other = result("verify", "webhook", *arguments, "--signature", found["signature"][3:], "--at", NOW)
    assert (code, rules(other)) == (Exit.PROBLEM, ["prefix"])


def test_a_webhook_secret_that_is_no_base64_is_reported(body: str) -> None:
    code, _, err = run("sign", "webhook", "--body", body, stdin="no base64!\n")
    assert code == Exit.USAGE
    assert "not base64" in err


@pytest.mark.parametrize(
    ("scheme", "values", "renamed"),
    [
        ("zego", {"timestamp": NOW, "nonce": "123412"}, {}),
        ("zego-api", {"app-id": "12345", "timestamp": NOW, "nonce": "4fd24687296dd9f3"}, {}),
        ("mps", {"timestamp": NOW}, {"Sign": "signature"}),
    ],
)
def test_hashes(scheme: str, values: dict[str, str], renamed: dict[str, str], secret: str) -> None:
    arguments = [part for name, value in values.items() for part in (f"--{name}", value)]
    code, found = result("sign", scheme, *arguments, "--secret-file", secret)
    assert (code, "<secret>" in found["string_to_sign"]) == (Exit.OK, True)
    verify = ["verify", scheme, *arguments, "--at", NOW, "--secret-file", secret]
    assert result(*verify, "--signature", found["signature"])[1]["valid"]
    code, other = result(*verify, "--signature", found["signature"][::-1])
    assert (code, rules(other)) == (Exit.PROBLEM, ["unexplained"])


def test_a_callback_of_mps_contains_what_is_checked(secret: str, tmp_path: Path) -> None:
    found = result("sign", "mps", "--timestamp", NOW, "--secret-file", secret)[1]
    callback = tmp_path / "callback.json"
    callback.write_text(json.dumps({"Timestamp": int(NOW), "Sign": found["signature"].upper()}))
    code, seen = result("verify", "mps", "--body", str(callback), "--at", NOW, "--secret-file", secret)
    assert (code, seen["valid"], rules(seen)) == (Exit.OK, True, ["upper_case_hex"])


def test_token() -> None:
    digest = result("sign", "token", stdin="example-token\n")[1]["send"]["sha256"]
    assert result("verify", "token", "--sha256", digest, stdin="example-token\n")[0] == Exit.OK
    code, found = result("verify", "token", "--sha256", digest[:-1] + "x", stdin="example-token\n")
    assert (code, rules(found)) == (Exit.PROBLEM, ["unexplained"])


def test_people_read_the_rule_and_the_advice(secret: str) -> None:
    url = signed_url(secret).replace("SignatureMethod=HmacSHA256", "SignatureMethod=HmacSHA1")
    code, out, _ = run("verify", "qcloud", "--url", url, "--at", NOW, "--secret-file", secret)
    assert code == Exit.PROBLEM
    assert out.startswith("not valid")


@pytest.mark.parametrize("arguments", [["sign", "qcloud"], ["sign", "qcloud", "--url", API], ["verify", "mps"]])
def test_what_is_missing_is_named(arguments: list[str]) -> None:
    code, _, err = run(*arguments, stdin="key\n")
    assert code == Exit.USAGE
    assert "unknown" in err


@pytest.mark.parametrize("command", [("verify", "qcloud"), ("verify", "tc3"), ("sign", "tc3"), ("sign", "qcloud")])
@pytest.mark.parametrize("raw", ["POST http://[ HTTP/1.1", "GET / HTTP/1.1\nhost: ["])
def test_a_request_to_no_url_is_refused(secret: str, tmp_path: Path, command: tuple[str, str], raw: str) -> None:
    file = tmp_path / "request"
    file.write_text(f"{raw}\n\n")
    by_file = run(*command, "--request", str(file), "--secret-file", secret)
    by_option = run(*command, "--url", "http://[", "--secret-file", secret)
    assert {by_file[0], by_option[0]} == {Exit.USAGE}
    assert "unexpected" not in by_file[2] + by_option[2]
