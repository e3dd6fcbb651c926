"""Parameters: what cannot be meant is refused at deployment, in words that say how to write it."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.deploy import LEAST, expand
from mediarelay.config import LIMITS, LOG_LEVELS, Settings
from mediarelay.observability import SERVICE
from mediarelay.usecases.access import read_networks
from tests.hypothesis_profiles import patient
from tests.stack import TEMPLATE, defaults, functions, template, variables

PARAMETERS: dict[str, dict[str, Any]] = template()["Parameters"]
LISTS = ("CallbackSourceCidrs", "MusicSourceCidrs")
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"


HEX, BYTE = "[0-9A-Fa-f]{1,4}", "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
IPV4 = rf"{BYTE}(?:\.{BYTE}){{3}}"
FEWER = "(?!(?:[0-9A-Fa-f]*:){%d})"
"""Not as many colons as that."""
IPV6 = "|".join(
    [
        rf"(?:{HEX}:){{7}}{HEX}",
        rf"(?:{HEX}:){{6}}{IPV4}",
        rf"(?:{HEX}:){{1,7}}:",
        rf":(?::{HEX}){{1,7}}",
        "::",
        rf"{FEWER % 8}(?:{HEX}:)+(?::{HEX})+",
        rf"{FEWER % 8}::(?:{HEX}:)*{IPV4}",
        rf"{FEWER % 7}(?:{HEX}:)+(?::{HEX})*:{IPV4}",
    ]
)
NETWORK = rf"(?:{IPV4}(?:/(?:3[0-2]|[12]?[0-9]))?|(?:{IPV6})(?:/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9]))?)"
BLANKS = r"[ \t\r\n]*"


def test_the_pattern_of_networks_is_made_of_its_parts() -> None:
    for name in LISTS:
        assert PARAMETERS[name]["AllowedPattern"] == f"{BLANKS}{NETWORK}(?:{BLANKS},{BLANKS}{NETWORK})*{BLANKS}"


def allowed(name: str, text: str) -> bool:
    """As CloudFormation does: the whole value has to match."""
    return re.fullmatch(PARAMETERS[name]["AllowedPattern"], text) is not None


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_bounded(name: str) -> None:
    parameter = PARAMETERS[name]
    if parameter["Type"] == "String":
        assert parameter["ConstraintDescription"]
        assert {"AllowedPattern", "AllowedValues"} & parameter.keys()
    else:
        assert {"MinValue", "MaxValue"} <= parameter.keys() or "AllowedValues" in parameter


@pytest.mark.parametrize("name", [name for name, one in PARAMETERS.items() if "AllowedPattern" in one])
def test_the_default_is_allowed(name: str) -> None:
    assert allowed(name, defaults()[name])


def test_the_code_has_the_template_s_limits() -> None:
    stated = {
        variable.lower(): value["Ref"]
        for function in functions()
        for variable, value in variables(function).items()
        if variable.lower() in LIMITS
    }
    assert stated.keys() == LIMITS.keys()
    for setting, parameter in stated.items():
        found = PARAMETERS[parameter]
        assert LIMITS[setting] == (LEAST.get(parameter, int(found["MinValue"])), int(found["MaxValue"]))


def test_only_this_machine_may_recover_sooner() -> None:
    assert int(PARAMETERS["VisibilityTimeout"]["MinValue"]) == 180
    packaged = re.sub(r"(CodeUri|ContentUri): \S+", r"\1: s3://bucket/key", TEMPLATE.read_text("utf-8"))
    assert expand(packaged, {})["Parameters"]["VisibilityTimeout"]["MinValue"] == 30


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("192.0.2.1/24", True),
        ("2001:db8::1/64", True),
        ("192.0.2.0/24,198.51.100.7", True),
        ("192.0.2.0/24, 198.51.100.0/24", True),
        (" 192.0.2.0/24 ,\n::ffff:198.51.100.0/120 ", True),
        ("192.0.2.0/24,", False),
        ("192.0.2.0/24, ", False),
        (",192.0.2.0/24", False),
        ("192.0.2.0/24,,::/0", False),
        ("", False),
        (" ", False),
        ("nowhere", False),
        ("192.0.2.0/33", False),
        ("192.0.2.256", False),
        ("192.0.2/24", False),
        ("010.0.0.0/8", False),
        ("192.0.2.0/255.255.255.0", False),
        ("192.0.2.0/24 198.51.100.0/24", False),
        ("::/129", False),
        ("2001:db8:::/48", False),
        ("2001:db8:/32", False),
        ("2001:db8::1::/64", False),
        ("1:2:3:4:5:6:7:8:9", False),
        ("1:2:3:4::5:6:7:8", False),
        ("12345::", False),
        ("1:2:3:4:5:6:7::", True),
        ("::1:2:3:4:5:6:7", True),
        ("64:ff9b::192.0.2.0/120", True),
        ("fe80::1%eth0/64", False),
    ],
)
def test_lists_of_networks(name: str, text: str, *, taken: bool) -> None:
    """A comma at the end is what sam leaves of a list with a blank in it: the rest would be missing."""
    assert allowed(name, text) is taken
    if taken:
        assert read_networks(text).unreadable == ()


V4, V6 = st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str)
PIECES = st.sampled_from(
    [":", "::", "0", "1:", ":2", "2001:", "db8", "ffff:", "12345", "192.0.2.1", ".", "1:2:3:", ":4:5"]
)
NETWORKS = st.builds("{}/{}".format, V4, st.integers(0, 32)) | st.builds("{}/{}".format, V6, st.integers(0, 128))


@patient
@given(st.lists(V4 | V6 | NETWORKS, min_size=1, max_size=4), st.sampled_from([",", ", ", " , "]))
def test_every_list_of_networks_is_allowed(networks: list[str], comma: str) -> None:
    assert allowed("CallbackSourceCidrs", comma.join(networks))


@patient
@given(st.text() | st.text(alphabet="0123456789./:, abf") | st.lists(PIECES, max_size=12).map("".join))
def test_what_is_allowed_is_read_whole(text: str) -> None:
    """Else it deploys, and everybody who posts a callback gets 503."""
    found = read_networks(text)
    if allowed("CallbackSourceCidrs", text):
        assert found.unreadable == ()
        assert found.networks


@patient
@given(st.lists(PIECES, max_size=12).map("".join))
def test_every_address_is_allowed_in_whatever_spelling(text: str) -> None:
    assert allowed("CallbackSourceCidrs", text) == (len(read_networks(text).networks) == 1)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        *[(text, True) for text in ("", TOPIC, TOPIC.replace("aws", "aws-cn"))],
        *[(text, False) for text in (f"{TOPIC}.fifo", "alarms", f" {TOPIC}", f"{TOPIC}:6b0e71bd-7e97")],
        (TOPIC.replace("sns", "sqs"), False),
    ],
)
def test_the_topic_of_alarms(text: str, *, taken: bool) -> None:
    assert allowed("AlarmTopicArn", text) is taken


@pytest.mark.parametrize(
    ("text", "taken"),
    [(text, True) for text in ("0", "1", "25", "999", "1000")]
    + [(text, False) for text in ("", "00", "0.0", "-0", "+0", "0x0", "0e1", " 0", "007", "1001", "2.5")],
)
def test_a_reserve_of_none_has_one_spelling(text: str, *, taken: bool) -> None:
    """`HasCallbackReserve` compares texts: by another spelling Lambda would reserve none, and run no callback."""
    assert template()["Conditions"]["HasCallbackReserve"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "CallbackReserve"}, "0"]}]
    }
    assert allowed("CallbackReserve", text) is taken


@pytest.mark.parametrize("metric", ["SecretUnusable", "SettingUnreadable", "RowsUnreadable"])
def test_what_somebody_wrote_and_nobody_can_read_raises_an_alarm(metric: str) -> None:
    """On the metric in all: one with a dimension would watch one secret, one setting or one type of row only."""
    alarm = template()["Resources"][f"{metric}Alarm"]["Properties"]
    assert alarm["Dimensions"] == [{"Name": "service", "Value": SERVICE}]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("Mediarelay", metric, "Sum")
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")
    assert alarm["AlarmActions"]


def test_the_log_level_s_values_are_those_that_are_read() -> None:
    stated = template()["Parameters"]["LogLevel"]
    assert (tuple(stated["AllowedValues"]), stated["Default"]) == (LOG_LEVELS, Settings().log_level)
    assert template()["Globals"]["Function"]["LoggingConfig"]["ApplicationLogLevel"] == "INFO", "it would drop metrics"
