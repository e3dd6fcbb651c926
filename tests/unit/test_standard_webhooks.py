"""Standard Webhooks: the specification's own example, and what must never verify."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.signing.standard_webhooks import sign, verifies, webhook_key
from tests.hypothesis_profiles import patient

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, TIMESTAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "whsec_" + base64.b64encode(b"another key").decode()


def test_the_specification_s_example() -> None:
    assert sign(SECRET, ID, TIMESTAMP, BODY) == SIGNATURE
    assert verifies(SIGNATURE, [SECRET], ID, TIMESTAMP, BODY)


@pytest.mark.parametrize("header", [f"v1,AAAA {SIGNATURE}", f"v2,x {SIGNATURE} v1,y", f"  {SIGNATURE}  "])
@pytest.mark.parametrize("secrets", [[OTHER, SECRET], [SECRET, OTHER, "whsec_", "no base64!"]])
def test_any_entry_by_any_live_secret_counts(header: str, secrets: list[str]) -> None:
    assert verifies(header, secrets, ID, TIMESTAMP, BODY)


@pytest.mark.parametrize(
    ("header", "secrets", "message", "timestamp", "body"),
    [
        (SIGNATURE, [OTHER], ID, TIMESTAMP, BODY),
        (SIGNATURE, [], ID, TIMESTAMP, BODY),
        (SIGNATURE, [SECRET], "msg_other", TIMESTAMP, BODY),
        (SIGNATURE, [SECRET], ID, "1614265331", BODY),
        (SIGNATURE, [SECRET], ID, TIMESTAMP, BODY + b" "),
        (SIGNATURE.removeprefix("v1,"), [SECRET], ID, TIMESTAMP, BODY),
        (SIGNATURE.replace("v1", "v1a"), [SECRET], ID, TIMESTAMP, BODY),
        ("", [SECRET], ID, TIMESTAMP, BODY),
        ("v1,", [SECRET], ID, TIMESTAMP, BODY),
        (sign("", ID, TIMESTAMP, BODY), ["", "whsec_"], ID, TIMESTAMP, BODY),
    ],
)
def test_what_does_not_verify(header: str, secrets: list[str], message: str, timestamp: str, body: bytes) -> None:
    assert not verifies(header, secrets, message, timestamp, body)


@patient
@given(key=st.binary(min_size=1), message=st.text(), timestamp=st.integers(), body=st.binary(), header=st.text())
def test_round_trip(key: bytes, message: str, timestamp: int, body: bytes, header: str) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    if message.isascii():
        assert verifies(sign(secret, message, timestamp, body), [secret], message, str(timestamp), body)
    assert not verifies(header, [secret], "x", str(timestamp), body)


KEY = b"\xfb\xef\xbe\xff another key"
PADDED, SAFE = base64.b64encode(KEY).decode(), base64.urlsafe_b64encode(KEY).decode()


@pytest.mark.parametrize("digits", [PADDED, PADDED.rstrip("="), SAFE, SAFE.rstrip("="), f"{PADDED}=="])
@pytest.mark.parametrize(
    "form", ["{}", "whsec_{}", "v1,{}", "v1,whsec_{}", '"{}"', "'whsec_{}'", " whsec_{}\n", "v1, {}"]
)
def test_spellings_of_a_secret(digits: str, form: str) -> None:
    secret = form.format(digits)
    assert webhook_key(secret) == KEY
    assert sign(secret, ID, TIMESTAMP, BODY) == sign(PADDED, ID, TIMESTAMP, BODY)
    assert verifies(sign(PADDED, ID, TIMESTAMP, BODY), [secret], ID, TIMESTAMP, BODY)


@pytest.mark.parametrize(
    "secret", ["", " ", "whsec_", "v1,", "v1,whsec_", "=", '""', "A", "AAAAA", "n\u00f6", "a=b", "!", "\ud800"]
)
def test_what_is_no_key_raises_a_value_error_and_verifies_nothing(secret: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        webhook_key(secret)
    assert not verifies(sign("", ID, TIMESTAMP, BODY), [secret], ID, TIMESTAMP, BODY)


@patient
@given(st.text())
def test_no_text_breaks_the_reader_and_none_has_an_empty_key(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert webhook_key(text)
    verifies(SIGNATURE, [text], ID, TIMESTAMP, BODY)
