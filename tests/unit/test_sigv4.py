"""Signature Version 4: equal to botocore's, for any keys, time, headers and body."""

from datetime import UTC, datetime
from unittest.mock import patch

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.signing.sigv4 import AwsKeys, signed_headers
from tests.hypothesis_profiles import patient

TEXT = st.text("abcXYZ019/+=-_", min_size=1, max_size=40)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis


@patient
@given(
    st.builds(AwsKeys, TEXT, TEXT, st.none() | TEXT),
    st.sampled_from(["eu-west-1", "cn-north-1"]),
    TIMES,
    st.dictionaries(st.sampled_from(["content-type", "x-amz-target", "x-amz-other"]), TEXT),
    st.binary(max_size=200),
)
def test_botocore_signs_the_same(
    keys: AwsKeys, region: str, at: datetime, headers: dict[str, str], payload: bytes
) -> None:
    host = f"dynamodb.{region}.amazonaws.com"
    request = AWSRequest("POST", f"https://{host}/", headers=headers, data=payload)
    with patch.object(auth, "get_current_datetime", return_value=at):
        auth.SigV4Auth(Credentials(*keys), "dynamodb", region).add_auth(request)
    signed = signed_headers(
        keys, region=region, service="dynamodb", at=at, headers={**headers, "host": host}, payload=payload
    )
    official = {name.lower(): value for name, value in request.headers.items()}
    assert signed == official | {"host": host}
