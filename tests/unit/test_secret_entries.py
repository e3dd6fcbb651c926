"""Secrets as people write them: read entry by entry, a bad one is named by its place and takes no other with it."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.contracts.secret_text import SecretText, read_secret_text
from mediarelay.errors import Malformed
from mediarelay.providers.port import Account
from mediarelay.signing.standard_webhooks import webhook_key
from mediarelay.signing.tokens import digest
from mediarelay.usecases.provider_keys import provider_keys
from mediarelay.usecases.relay_secrets import music_secrets, webhook_secrets
from mediarelay.usecases.secret_entries import Client, callback_tokens, clients
from tests.hypothesis_profiles import patient

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
GOOD = {"name": "web", "sha256": digest("good"), "scopes": ["read"]}
KEY = b"\xfb\xef\xbe\xff-a-key-of-the-game-server"
PADDED = base64.b64encode(KEY).decode()
CANARY = "canary-5f0c7d"


# ── the text ──


@pytest.mark.parametrize(
    ("text", "strict"),
    [
        ('{"tokens": "a"}', True),
        ('\ufeff{"tokens": "a"}', True),
        (' \n{"tokens": "a"}\n', True),
        ('{"tokens": "a",}', False),
        ('\ufeff{"tokens": "a",\n}\n', False),
    ],
)
def test_slips_with_one_meaning_are_tolerated(text: str, *, strict: bool) -> None:
    assert read_secret_text(text) == SecretText({"tokens": "a"}, strict=strict)


def test_commas_and_line_breaks_within_texts_stay() -> None:
    assert read_secret_text('{"tokens": ["a,]", "b\\",}", "c\nd",],}').fields == {"tokens": ["a,]", 'b",}', "c\nd"]}


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "7", "null", "[" * 100_000, "9" * 5000, "\ud800"),
        *(CANARY, f'"{CANARY}"', f'["{CANARY}"]', f"{{'tokens': '{CANARY}'}}", f'{{"tokens": "{CANARY}"'),
        *(f'{{"a": "{CANARY}"}} {{}}', f'{{"a": "{CANARY}",,}}', f'{{"{CANARY}"}}'),
    ],
)
def test_what_is_no_object_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_secret_text(text)
    assert CANARY not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_name_that_is_stated_twice_counts_as_not_stated_at_any_depth() -> None:
    text = json.dumps({"clients": [GOOD, "here"]}).replace('"here"', '{"name": "x", "sha256": "1", "sha256": "2"}')
    found = read_secret_text(text[:-1] + ', "tokens": "old", "tokens": "new"}')
    assert found == SecretText({"clients": [GOOD, {"name": "x"}]}, repeated=2)
    assert len(clients(found.fields).usable) == 1


@patient
@given(st.dictionaries(st.text(), ANYTHING))
def test_every_object_is_read_as_it_is(value: dict[str, Any]) -> None:
    assert read_secret_text(json.dumps(value)) == SecretText(value)
    assert read_secret_text(json.dumps(value, indent=1).replace("\n}", ",\n}") if value else "{}").fields == value


# ── words ──


@pytest.mark.parametrize(
    "tokens",
    [
        "one two three",
        "one,two,three",
        "one, two,three,",
        "one\ntwo\r\nthree\n",
        "\tone  two\u00a0three ",
        '"one" "two" \'three\'',
        "one two one three two",
        ["one", "two", "three"],
        [" one", "two\n", '"three"', "one"],
        '["one", "two", "three"]',
        '["one", "two", "three", ]\n',
    ],
)
def test_words_in_every_way_to_write_them(tokens: Any) -> None:
    assert callback_tokens({"tokens": tokens}).usable == ("one", "two", "three")
    assert callback_tokens({"tokens": tokens}).faults == ()


@pytest.mark.parametrize(
    ("tokens", "usable", "faults"),
    [
        (None, (), ()),
        ("", (), ()),
        ([], (), ()),
        (7, (), ("tokens: neither text nor a list",)),
        (True, (), ("tokens: neither text nor a list",)),
        ({"a": "b"}, (), ("tokens: neither text nor a list",)),
        # Split into words, the last bracket would be a token that anybody can guess.
        ("[one, two ]", (), ("tokens: neither text nor a list",)),
        ('["one", "two" "three" ]', (), ("tokens: neither text nor a list",)),
        ('{"a": "b"}', (), ("tokens: neither text nor a list",)),
        (
            ["one", None, "", 7, ["x"], "two"],
            ("one", "two"),
            tuple(f"tokens.{n}: text was expected" for n in (1, 2, 3, 4)),
        ),
    ],
)
def test_a_bad_word_is_named_by_its_place(tokens: Any, usable: tuple[str, ...], faults: tuple[str, ...]) -> None:
    found = callback_tokens({"tokens": tokens})
    assert (found.usable, found.faults) == (usable, faults)


# ── webhook secrets ──


@pytest.mark.parametrize(
    "spelling",
    [
        PADDED,
        PADDED.rstrip("="),
        base64.urlsafe_b64encode(KEY).decode(),
        base64.urlsafe_b64encode(KEY).decode().rstrip("="),
        f"whsec_{PADDED}",
        f"v1,{PADDED}",
        f"v1,whsec_{PADDED}",
        f"v1, whsec_ {PADDED}",
        f'"whsec_{PADDED}"',
        f"'v1,whsec_{PADDED.rstrip('=')}'",
        f'v1,"whsec_{PADDED}"',
        f"  whsec_{PADDED}\n",
        f"\u00a0whsec_{PADDED}\u00a0",
    ],
)
@pytest.mark.parametrize("beside", ["{}", "whsec_bm90IHRoaXMgb25l {}", "{},whsec_bm90IHRoaXMgb25l", "!!!\n{}", "[{}"])
def test_every_spelling_of_a_webhook_secret(spelling: str, beside: str) -> None:
    found = webhook_secrets({"webhook_secrets": beside.replace("{}", spelling).replace("[", "[ ")})
    assert KEY in map(webhook_key, found.usable)
    in_list = webhook_secrets({"webhook_secrets": [None, spelling]})
    assert [webhook_key(text) for text in in_list.usable] == [KEY]


@pytest.mark.parametrize(
    "word", ["", "whsec_", "v1", "v1,", "v1,whsec_", "=", "a", "ab", "secret", "password", "nö", "!!", "AAAAA"]
)
def test_a_word_is_no_key(word: str) -> None:
    """An empty or a tiny key would let anybody sign."""
    for value in (word, [word]):
        found = webhook_secrets({"webhook_secrets": value})
        assert found.usable == ()
        assert all(fault.startswith("webhook_secrets.0: ") for fault in found.faults)
    assert not word or webhook_secrets({"webhook_secrets": [word]}).faults
    assert webhook_secrets({"webhook_secrets": [word, PADDED]}).usable == (PADDED,)


@patient
@given(value=ANYTHING)
def test_whatever_stands_there_nothing_raises_and_no_key_is_short(value: Any) -> None:
    found = music_secrets({"webhook_secrets": value, "callback_secrets": value})
    assert all(found.usable)
    assert all(len(webhook_key(text)) >= 8 for text in webhook_secrets({"webhook_secrets": value}).usable)


# ── clients ──


def test_a_null_entry_locks_nobody_out() -> None:
    found = clients({"clients": [GOOD, None]})
    assert found.usable == ((digest("good"), Client("web", ("read",))),)
    assert found.faults == ("clients.1: an object was expected",)


@pytest.mark.parametrize(
    ("change", "client"),
    [
        ({"sha256": digest("good").upper()}, Client("web", ("read",))),
        ({"sha256": f" {digest('good')}\n"}, Client("web", ("read",))),
        ({"scopes": "read, submit admin"}, Client("web", ("read", "submit", "admin"))),
        ({"scopes": '["read"]'}, Client("web", ("read",))),
        ({"scopes": [" read "]}, Client("web", ("read",))),
        ({"scopes": []}, Client("web", ())),
        ({"scopes": ""}, Client("web", ())),
        ({"name": 7}, Client("7", ("read",))),
        ({"name": " web "}, Client("web", ("read",))),
        ({"note": None}, Client("web", ("read",))),
    ],
)
def test_spellings_of_an_entry(change: dict[str, Any], client: Client) -> None:
    found = clients({"clients": [GOOD | change]})
    assert (found.usable, found.faults) == (((digest("good"), client),), ())
    assert clients({"clients": json.dumps([GOOD | change])}) == found


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (None, "an object"),
        ("web", "an object"),
        ([GOOD], "an object"),
        *[
            (GOOD | {"sha256": value}, "sha256")
            for value in (None, 7, "", "abc", digest("x")[:-1], f"{digest('x')}  -", ["a"])
        ],
        *[(GOOD | {"name": value}, "name") for value in (None, "", " ", True, ["a"], "a\nb")],
        *[(GOOD | {"scopes": value}, "scopes") for value in (None, 7, True, {"read": True})],
        *[({name: value for name, value in GOOD.items() if name != missing}, missing) for missing in GOOD],
    ],
)
def test_a_bad_entry_is_named_and_the_others_count(entry: Any, fault: str) -> None:
    other = {"name": "other", "sha256": digest("other"), "scopes": ["admin"]}
    found = clients({"clients": [other, entry]})
    assert found.usable == ((digest("other"), Client("other", ("admin",))),)
    (named,) = found.faults
    assert named.startswith(f"clients.1: {fault}")


def test_scopes_that_are_no_text_are_left_out_and_named() -> None:
    found = clients({"clients": [GOOD | {"scopes": ["read", None, 7, "submit"]}]})
    assert found.usable == ((digest("good"), Client("web", ("read", "submit"))),)
    assert found.faults == ("clients.0: scopes.1: text was expected", "clients.0: scopes.2: text was expected")


def test_of_two_entries_with_one_digest_the_first_counts() -> None:
    found = clients({"clients": [GOOD, GOOD | {"scopes": ["admin"]}]})
    assert found.usable == ((digest("good"), Client("web", ("read",))),)
    assert found.faults == ("clients.1: the same sha256 as an entry before it",)


@pytest.mark.parametrize("value", [None, {}, 7, "x", {"web": GOOD}, True])
def test_clients_that_are_no_list(value: Any) -> None:
    assert clients({"clients": value}).usable == ()
    assert clients({"clients": value}).faults == ("clients: not a list",)
    assert clients({}).faults == ()


@patient
@given(st.lists(ANYTHING | st.dictionaries(st.sampled_from(["name", "sha256", "scopes"]), ANYTHING)), st.randoms())
def test_one_bad_client_locks_out_nobody(entries: list[Any], random: Any) -> None:
    mixed = [*entries, GOOD]
    random.shuffle(mixed)
    found = clients({"clients": mixed})
    assert dict(found.usable)[digest("good")] == Client("web", ("read",))
    assert {int(fault.split(".")[1].split(":")[0]) for fault in found.faults} >= {
        place for place, entry in enumerate(mixed) if not isinstance(entry, dict)
    }


# ── keys ──


@pytest.mark.parametrize("token", [None, "", " "])
def test_keys(token: Any) -> None:
    found = provider_keys({"secret_id": " AKID\n", "secret_key": '"key"', "token": token})
    assert found.usable == (("cts", Account("AKID", "key", None)),)
    ((_, account),) = provider_keys({"secret_id": "AKID", "secret_key": "key", "token": "t"}).usable
    assert account.token == "t"


PAIR = {"secret_id": "AKID", "secret_key": "key"}


@pytest.mark.parametrize(
    ("secret", "named"),
    [
        ({"cts": PAIR, "mps": PAIR}, ["cts", "mps"]),
        ({"mps": PAIR}, ["mps"]),
        (PAIR, ["cts"]),
        (PAIR | {"mps": PAIR}, ["cts", "mps"]),
        ({"cts": PAIR | {"secret_id": "unset"}, "mps": PAIR}, ["mps"]),
        ({"cts": PAIR | {"secret_id": "unset"}, "mps": PAIR | {"secret_id": "unset"}}, []),
    ],
)
def test_each_provider_has_its_keys(secret: dict[str, Any], named: list[str]) -> None:
    found = provider_keys(secret)
    assert found.faults == ()
    assert [name for name, _ in found.usable] == named
    assert {account for _, account in found.usable} <= {Account("AKID", "key")}


@pytest.mark.parametrize("comma", ["", ",", " ,\n"])
def test_an_account_may_be_stored_as_text(comma: str) -> None:
    """The key/value editor of the console stores each value as text."""
    packed = json.dumps(PAIR | {"notify_key": "n"})[:-1] + comma + "}"
    assert provider_keys({"cts": packed, "mps": f" {packed}\n"}).usable == tuple(
        (name, Account("AKID", "key", notify_key="n")) for name in ("cts", "mps")
    )


def test_keys_under_a_name_count_more_than_a_pair_without_one() -> None:
    assert provider_keys(PAIR | {"cts": PAIR | {"secret_id": "named"}}).usable == (("cts", Account("named", "key")),)


def test_an_account_has_more_than_its_keys() -> None:
    more = {name: f" {name} " for name in ("token", "notify_url", "notify_key", "storage_id", "storage_key")}
    ((_, account),) = provider_keys({"mps": PAIR | more}).usable
    assert account == Account("AKID", "key", **{name: name for name in more})


@pytest.mark.parametrize(
    ("secret", "usable", "faults"),
    [
        ({}, [], ["one of cts, mps was expected"]),
        ({"other": PAIR}, [], ["one of cts, mps was expected"]),
        ({"cts": "AKID", "mps": PAIR}, ["mps"], ["cts: an object was expected"]),
        (
            {"cts": PAIR, "mps": "{}"},
            ["cts"],
            ["mps.secret_id: text was expected", "mps.secret_key: text was expected"],
        ),
        ({"cts": PAIR, "mps": f"{{{CANARY}}}"}, ["cts"], ["mps: an object was expected"]),
        ({"cts": PAIR, "mps": json.dumps([PAIR])}, ["cts"], ["mps: an object was expected"]),
        ({"cts": PAIR, "mps": {"secret_id": "AKID"}}, ["cts"], ["mps.secret_key: text was expected"]),
        ({"cts": PAIR, "mps": PAIR | {"notify_url": 7}}, ["cts"], ["mps.notify_url: text was expected"]),
    ],
)
def test_a_faulty_account_leaves_the_others(secret: dict[str, Any], usable: list[str], faults: list[str]) -> None:
    found = provider_keys(secret)
    assert ([name for name, _ in found.usable], list(found.faults)) == (usable, faults)


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({"secret_id": None}, ["secret_id"]),
        ({"secret_id": 7, "secret_key": ""}, ["secret_id", "secret_key"]),
        ({"secret_key": ["k"]}, ["secret_key"]),
        ({"token": 7}, ["token"]),
    ],
)
def test_keys_that_cannot_sign_are_none(change: dict[str, Any], faults: list[str]) -> None:
    found = provider_keys({"secret_id": "AKID", "secret_key": "key"} | change)
    assert found.usable == ()
    assert [fault.partition(":")[0] for fault in found.faults] == faults


@patient
@given(
    value=ANYTHING.filter(lambda one: isinstance(one, list | dict)),
    name=st.sampled_from(["tokens", "clients", "webhook_secrets", "secret_id"]),
)
def test_no_fault_holds_a_part_of_a_value(value: Any, name: str) -> None:
    marked = json.loads(json.dumps([value, {"name": CANARY, "sha256": CANARY}, CANARY + "!"]))
    fields = {name: marked, "secret_key": CANARY}
    for read in (callback_tokens, clients, music_secrets, provider_keys):
        assert CANARY not in str(read(fields).faults)
