"""No credential is left of a body, whatever its form, and everything else stays."""

import contextlib
import inspect
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tencentcloud.mps.v20190612 import models

from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import MediarelayError, ProviderUnreadable
from mediarelay.providers.mps.callbacks import MpsCallbacks
from mediarelay.providers.mps.provider import MPS
from mediarelay.providers.mps.redaction import HARMLESS, SECRET_FIELDS, SECRET_PARTS, is_secret, redact, without_secrets
from tests.contract.mps_bodies import detail, event, result, sample
from tests.contract.odd import JSON
from tests.contract.test_mps_payloads import CALLBACKS, VID, body
from tests.hypothesis_profiles import patient, thorough

CANARY = "CANARY7391"
PROVIDER_NAMES = ("S3SecretId", "S3SecretKey", "NotifyKey", "NotifyUrl", "AwsSQS", "StreamKey")
"""Only these are removed from a text that contains JSON: any other text may be the client's own reference."""
NAMES = (*PROVIDER_NAMES, "SecretKey", "X-Api-Token", "x-api-key", "access_key")


# ── the list ──

CREDENTIAL = re.compile(
    r"secret|token|passw|passphrase|credential|notifykey|notifyurl|sqs|cmq|queuename|topic|streamkey|aesdrm|keyserver|signedurl"
    r"|accesskey|privatekey|apikey|authorization",
    re.IGNORECASE,
)


def fields_of_the_official_client() -> Iterator[str]:
    for _, model in inspect.getmembers(models, inspect.isclass):
        yield from (name for name, value in vars(model).items() if isinstance(value, property))


def test_every_field_of_the_official_client_that_looks_like_a_credential_is_removed() -> None:
    names = {name for name in fields_of_the_official_client() if CREDENTIAL.search(name)}
    assert {name for name in names if not is_secret(name)} == {
        "ScrollToken",
        "InputTokens",
        "OutputTokens",
        "TotalTokens",
    }
    assert {name.lower() for name in names if not is_secret(name)} == HARMLESS


def test_the_list_names_no_field_that_the_official_client_does_not_have() -> None:
    known = {name.lower() for name in fields_of_the_official_client()}
    assert known >= SECRET_FIELDS


def test_no_other_field_of_the_official_client_is_removed() -> None:
    removed = {name.lower() for name in fields_of_the_official_client() if is_secret(name)}
    assert {name for name in removed if not any(part in name for part in SECRET_PARTS)} <= SECRET_FIELDS


# ── what stays ──


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_body_without_secrets_stays_the_same_bytes(name: str) -> None:
    assert redact(body(name)) is body(name) or redact(body(name)) == body(name)


@given(JSON)
@patient
def test_any_body_without_secrets_stays_the_same_bytes(value: object) -> None:
    for escaped in (True, False):
        text = json.dumps({"a": value}, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
        assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "/in/secret=1.mp4",
        "/in/NotifyKey.mp4",
        "https://example.com/a.mp4?token=1",
        "my token",
        '{"order": 7, "userToken": "x", "secret": true}',
        "the secret of a good video",
        "\u5bc6\u94a5",
        "a\\b",
    ],
)
def test_a_text_that_is_no_credential_stays(text: str) -> None:
    for written in (json.dumps({"Object": text}), json.dumps({"Object": text}, ensure_ascii=False)):
        assert redact(written.encode()) == written.encode()
    assert without_secrets({"Object": text}) == {"Object": text}


def test_only_the_credentials_of_a_body_are_removed() -> None:
    keys = {"S3SecretId": CANARY, "S3SecretKey": CANARY}
    source = {"S3InputInfo": {"S3Bucket": "clips", "S3Region": "us-east-1", "S3Object": "in/a.mp4"}}
    clean = event(result("SUCCESS"), InputInfo=source)
    spoilt = event(result("SUCCESS"), InputInfo={"S3InputInfo": source["S3InputInfo"] | keys})
    shown = redact(json.dumps(spoilt).encode())
    assert MPS.claim_facts(VID, Kind.VIDEO, shown) == MPS.claim_facts(VID, Kind.VIDEO, json.dumps(clean).encode())
    assert without_secrets(spoilt) == clean


def test_a_body_that_is_no_json_keeps_what_comes_before_its_first_secret() -> None:
    shown = redact(b'{"TaskId": "1-a", broken, "NotifyKey": "CANARY7391", "b": 1}')
    assert shown == b'{"TaskId": "1-a", broken, "NotifyKey[redacted]'


def test_redacting_twice_changes_nothing_more() -> None:
    for content in (b'{"NotifyKey": "a", "x": "NotifyKey: b"}', b'{"a" "NotifyKey": "b"'):
        assert redact(redact(content)) == redact(content)


# ── the canary ──


ESCAPES = st.sampled_from(["\\u{:04x}", "\\u{:04X}"])


@st.composite
def spelled(draw: st.DrawFn, names: tuple[str, ...] = NAMES) -> str:
    """Draw the name of a credential: its letters in any case, some of them escaped."""
    name = draw(st.sampled_from(names))
    letters = [letter.upper() if draw(st.booleans()) else letter.lower() for letter in name]
    return "".join(draw(ESCAPES).format(ord(letter)) if draw(st.integers(0, 7)) == 0 else letter for letter in letters)


SECRETS = st.sampled_from(
    [
        CANARY,
        f'"}}], {CANARY} "\\',
        {"a": CANARY},
        {CANARY: 1},
        [[CANARY]],
        [{"NotifyKey": CANARY}],
        f"x\n{CANARY}",
        [1, CANARY],
    ]
)


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """Draw a JSON object that holds a credential somewhere, perhaps in a text that contains JSON."""
    is_packed = draw(st.booleans())
    names = PROVIDER_NAMES if is_packed else NAMES
    text = f'{{"{draw(spelled(names))}": {json.dumps(draw(SECRETS))}}}'
    for _ in range(draw(st.integers(0, 5))):
        other = json.dumps(draw(JSON), allow_nan=True)
        text = draw(
            st.sampled_from(
                [
                    f'{{"a": {text}, "b": {other}}}',
                    f"[{other}, {text}]",
                    f'{{"a": {other}, "SessionContext": {json.dumps(text)}}}' if is_packed else text,
                    text[:-1] + f', "{draw(spelled(names))}": {other}' + text[-1] if text[0] == "{" else text,
                ]
            )
        )
    return text


@given(bodies())
@thorough
@example('{"a": "{\\"S3Secret\\\\u004bey\\": \\"CANARY7391\\"}"}')
@example('{"a": "{\\"S3S\\u005cu0065cretKey\\": \\"CANARY7391\\"}"}')
@example('{"a": "[\\"{\\u005c\\"S3S\\u005c\\u005cu0065cretKey\\\\\\": \\u005c\\"CANARY7391\\u005c\\"}\\"]"}')
def test_no_secret_is_left_of_json(text: str) -> None:
    shown = redact(text.encode())
    assert CANARY.encode() not in shown
    json.loads(shown)
    assert CANARY not in json.dumps(without_secrets(json.loads(text)))
    assert CANARY.encode() not in MPS.canonical({"a": json.loads(text)})


SURROUNDINGS = st.text(max_size=20) | st.sampled_from(
    ['{"a": ', '{"a": [1, ', '{"', "{'", "<", "a=1&", "\\", '"', "\ufeff{"]
)
BETWEEN = st.sampled_from(
    ['": "', "': '", "=", ": ", " ", '\\": \\"', '":"', "\n", '"=>"', ">", '": {"a": ["', '" : \x00"']
)


@given(SURROUNDINGS, spelled(), BETWEEN, SURROUNDINGS, st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-32"]))
@thorough
@example('["', "NotifyKey", " ", '"]', "utf-8")
def test_no_secret_is_left_of_any_text(before: str, name: str, between: str, after: str, encoding: str) -> None:
    text = f"{before}{name}{between}{CANARY}{after}"
    shown = redact(text.encode(encoding, "surrogatepass"))
    assert CANARY.encode() not in shown.replace(b"\0", b"")


@given(bodies(), st.data())
@patient
def test_no_secret_is_left_of_a_damaged_body(text: str, data: st.DataObject) -> None:
    content = text.encode()
    place = data.draw(st.sampled_from([found.start() for found in re.finditer(rb"[\[{,:\]}]", content)]))
    junk = data.draw(st.binary(max_size=3))
    for damaged in (content[:place] + junk + content[place + 1 :], content[:-1], content + junk, junk + content):
        assert CANARY.encode() not in redact(damaged)


def outcome(content: bytes) -> str:
    """Return all that reading an answer shows: its data, or the error and the body that the error carries."""
    try:
        return json.dumps(MPS.read("DescribeTaskDetail", content).data)
    except ProviderUnreadable as error:
        return f"{error!r} {error.body!r}"


@given(bodies(), st.sampled_from(["", "\xff", "}", "\x00"]))
@patient
def test_no_error_quotes_a_secret(text: str, spoiler: str) -> None:
    clean = redact(text.encode() + spoiler.encode("latin-1"))
    with pytest.raises(MediarelayError) as caught:
        MpsCallbacks().read_head(clean)
    assert CANARY not in f"{caught.value!r}"
    for wrapped in (f'{{"Response": {text}}}{spoiler}', f"{text}{spoiler}", f'{{"Response": {{"Error": {text}}}}}'):
        assert CANARY not in outcome(wrapped.encode("latin-1", "replace"))


SIZE = 256 * 1024
EVENT = b'{"EventType": "WorkflowTask", "WorkflowTaskEvent": {"TaskId": "1-a", "MediaProcessResultSet": [%s]}}'


@pytest.mark.parametrize(
    "content",
    [
        b"\\" * SIZE,
        b'{"a": "' + b"\\" * SIZE + b'"}',
        b'{"a": "' + b"secret" * (SIZE // 6) + b'"}',
        b'{"a": "' + b'NotifyKey \\" ' * (SIZE // 13) + b'"}',
        b'{"NotifyKey"' + b" " * SIZE + b": 1}",
        b"[" * SIZE,
        b"[" + b'{"NotifyKey": [1]},' * (SIZE // 19) + b"1]",
        EVENT % b",".join([b'{"x": {"Status": 1}}'] * (SIZE // 20)),
    ],
    ids=lambda content: content[:24].decode(),
)
def test_no_body_takes_long(content: bytes) -> None:
    began = time.process_time()
    shown = redact(content)
    with contextlib.suppress(MediarelayError):
        MpsCallbacks().read_head(shown)
    assert time.process_time() - began < 5, "a pattern that is tried at each of its own repetitions takes hours"


@pytest.mark.parametrize("action", ["ProcessMedia", "DescribeTaskDetail"])
@pytest.mark.parametrize(
    "message",
    [
        f"S3SecretKey {CANARY} is wrong",
        f"NotifyKey:{CANARY}",
        f"cannot reach https://relay.example/callbacks/mps/{CANARY}",
        f'{{"S3Secret\\u004bey": "{CANARY}"}}',
    ],
)
def test_a_message_of_the_provider_shows_no_secret(action: str, message: str) -> None:
    response = {"Error": {"Code": "InvalidParameterValue", "Message": message}}
    with pytest.raises(MediarelayError, match="provider code InvalidParameterValue") as caught:
        MPS.read(action, json.dumps({"Response": response}).encode())
    assert CANARY not in str(caught.value)


def test_an_answer_and_a_list_keep_the_cursor_and_lose_the_rest() -> None:
    listed = sample("list") | {"ScrollToken": "next"}
    assert MPS.listed(MPS.read("DescribeTasks", json.dumps({"Response": listed}).encode()).data).cursor == "next"
    answer = detail(result("SUCCESS")) | {
        "TaskNotifyConfig": {"AwsSQS": {"SQSQueueName": CANARY}, "NotifyType": "AWS-SQS"}
    }
    data = MPS.read("DescribeTaskDetail", json.dumps({"Response": answer}).encode()).data
    assert data["TaskNotifyConfig"] == {"NotifyType": "AWS-SQS"}


def test_equal_answers_are_equal_bytes() -> None:
    content: Any = sample("detail_finish")
    other = dict(reversed(content.items())) | {"RequestId": "another"}
    del other["TaskNotifyConfig"]["NotifyKey"]
    assert MPS.canonical(content) == MPS.canonical(other)
    assert MPS.canonical(content) != MPS.canonical(content | {"SessionContext": "x"})
