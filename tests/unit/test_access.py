"""Networks as people write them, and addresses as they come: nothing raises, and nobody gets in by mistake."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.errors import SettingUnusable
from mediarelay.usecases.access import comes_from, read_networks
from tests.hypothesis_profiles import patient

V4, V6 = st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str)
PREFIXED = st.builds("{}/{}".format, V4, st.integers(0, 32)) | st.builds("{}/{}".format, V6, st.integers(0, 128))
ENTRIES = st.lists(V4 | V6 | PREFIXED, min_size=1, max_size=5)
SEPARATORS = st.sampled_from([",", ", ", " ,", ",,", " , , ", "\n", ",\n", " "])
MESS = st.sampled_from(
    [
        *("nowhere", "10.0.0.0/33", "10.0.0.0/", "/8", "10.0.0/8", "010.0.0.0/8", "10.0.0.0/255.0.0.0", "*", "any"),
        *("10.0.0.0/0.0.0.255", "::/129", "1:2", "fe80::1%eth0/64", "10.0.0.0-10.0.0.9", "0x7f.1", "2130706433"),
        *("10.0.0.0/-1", "\u0663"),
    ]
)


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("192.0.2.1/24", ["192.0.2.0/24"]),
        ("192.0.2.0/24, ", ["192.0.2.0/24"]),
        ("2001:db8::1/64", ["2001:db8::/64"]),
        ("192.0.2.7", ["192.0.2.7/32"]),
        (",192.0.2.0/24,,198.51.100.0/24,", ["192.0.2.0/24", "198.51.100.0/24"]),
        ("0.0.0.0/0,::/0", ["0.0.0.0/0", "::/0"]),
        ("::ffff:192.0.2.1/120", ["192.0.2.0/24"]),
        ("192.0.2.0/24\n\t198.51.100.0/24\n", ["192.0.2.0/24", "198.51.100.0/24"]),
    ],
)
def test_spellings_of_a_list(text: str, networks: list[str]) -> None:
    assert read_networks(text) == (tuple(map(ip_network, networks)), ())


@patient
@given(entries=ENTRIES, data=st.data())
def test_any_list_is_read_however_it_is_separated(entries: list[str], data: st.DataObject) -> None:
    text = "".join(entry + data.draw(SEPARATORS) for entry in entries)
    found = read_networks(text)
    assert found.unreadable == ()
    for entry in entries:
        assert comes_from(entry.partition("/")[0], found.networks), "host bits do not count"


@patient
@given(entries=ENTRIES, mess=st.lists(MESS, min_size=1, max_size=3, unique=True), data=st.data())
def test_what_cannot_be_read_is_named_and_admits_nobody(entries: list[str], mess: list[str], data: Any) -> None:
    mixed = data.draw(st.permutations([*entries, *mess]))
    found = read_networks(",".join(mixed))
    assert set(found.unreadable) == set(mess)
    assert set(found.networks) == set(read_networks(",".join(entries)).networks)


@pytest.mark.parametrize("text", ["", " ", ",", " ,\n, ", "nowhere", "nowhere,*"])
def test_without_a_network_nobody_can_be_judged(text: str) -> None:
    networks = read_networks(text).networks
    assert networks == ()
    for address in ("192.0.2.1", "", "::1"):
        with pytest.raises(SettingUnusable):
            comes_from(address, networks)


@pytest.mark.parametrize(
    ("address", "cidrs", "admitted"),
    [
        ("::ffff:192.0.2.9", "192.0.2.0/24", True),
        ("::FFFF:c000:209", "192.0.2.0/24", True),
        ("::ffff:198.51.100.9", "192.0.2.0/24", False),
        ("::ffff:192.0.2.9", "::/0", True),
        ("192.0.2.9", "::/0", False),
        ("::192.0.2.9", "192.0.2.0/24", False),
        ("192.0.2.9", "::ffff:192.0.2.0/120", True),
        (" 192.0.2.9 ", "192.0.2.0/24", True),
        ("fe80::1%eth0", "fe80::/10", True),
        ("0", "0.0.0.0/0", False),
        ("3221225993", "0.0.0.0/0", False),
    ],
)
def test_addresses(address: str, cidrs: str, *, admitted: bool) -> None:
    assert comes_from(address, read_networks(cidrs).networks) is admitted


@pytest.mark.parametrize(
    "address",
    [
        "",
        "unknown",
        "192.0.2.1:80",
        "[::1]",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.1, 10.0.0.1",
        "\ud800",
        "\x00",
        "1" * 999,
    ],
)
def test_odd_addresses_are_in_no_network(address: str) -> None:
    assert not comes_from(address, read_networks("0.0.0.0/0,::/0").networks)
    assert not comes_from(None, read_networks("0.0.0.0/0,::/0").networks)  # type: ignore[arg-type]


@patient
@given(address=st.text() | V4 | V6, text=st.text() | ENTRIES.map(",".join))
def test_nothing_raises_and_only_members_get_in(address: str, text: str) -> None:
    networks = read_networks(text).networks
    if networks and comes_from(address, networks):
        one = ip_address(address.strip())
        forms = [one, getattr(one, "ipv4_mapped", None) or one]
        assert any(form in network for form in forms for network in networks)
