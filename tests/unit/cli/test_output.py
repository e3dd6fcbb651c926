"""What reaches the terminal: untrusted text stays text, columns line up, JSON stays JSON."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from mediarelay_cli.errors import CliError
from mediarelay_cli.names import clock, file_name, size
from mediarelay_cli.output import Printer, ago, count, duration, encoded, printable

TEXT = st.text(max_size=30)
DANGEROUS = [
    "\x1b[2J",
    "\x9b2J",
    "\u202eevil",
    "\r",
    "\x07",
    "\ud800",
    "[red]x[/red]",
    "[link=http://x]y[/link]",
    ":smile:",
]


def printer(width: int = 80, *, terminal: bool = True) -> tuple[Printer, io.StringIO]:
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=terminal, color_system=None, highlight=False, soft_wrap=True, markup=False
    )
    return Printer(out=console), out


class TestUntrustedText:
    @pytest.mark.parametrize("text", DANGEROUS)
    @pytest.mark.parametrize("show", ["fields", "wrapped", "clipped"])
    def test_a_label_is_neither_markup_nor_control(self, text, show):
        shown, out = printer()
        calls = {"fields": ([(text, "value")],), "wrapped": ("value", text), "clipped": (text, "value")}
        getattr(shown, show)(*calls[show])
        assert printable(text) in out.getvalue()
        assert text.isprintable() or text not in out.getvalue()

    @pytest.mark.parametrize("text", DANGEROUS)
    @pytest.mark.parametrize("show", ["line", "table", "fields", "wrapped", "clipped", "note"])
    def test_is_neither_markup_nor_control(self, text, show):
        shown, out = printer()
        shown.err = shown.out
        calls = {"table": (["a"], [[text]]), "fields": ([("name", text)],), "clipped": ("label", text)}
        getattr(shown, show)(*calls.get(show, (text,)))
        assert printable(text) in out.getvalue()
        assert all(one.isprintable() or one == "\n" for one in out.getvalue())

    @given(TEXT)
    def test_a_cell_stays_on_its_line(self, text):
        shown, out = printer(terminal=False)
        shown.table(["a", "b"], [[text, "end"]])
        assert len(out.getvalue().splitlines()) == 2

    @given(TEXT, st.integers(20, 120))
    def test_fields_never_exceed_the_terminal(self, text, width):
        shown, out = printer(width)
        shown.fields([("name", text)])
        assert all(cell_len(line) <= width for line in out.getvalue().splitlines())


class TestTables:
    @given(st.lists(st.text("ab歌曲한ｱ", max_size=8), min_size=1, max_size=5))
    def test_wide_characters_line_up(self, names):
        shown, out = printer()
        shown.table(["name", "end"], [[name, "|"] for name in names])
        starts = {cell_len(line[: line.index("|")]) for line in out.getvalue().splitlines()[1:]}
        assert len(starts) == 1

    @given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=4), st.integers(20, 100))
    def test_a_row_never_exceeds_the_terminal(self, rows, width):
        shown, out = printer(width)
        shown.table(["one", "two", "three"], rows, flexible="three", optional=("two",))
        assert all(cell_len(line) <= width for line in out.getvalue().splitlines())

    def test_a_narrow_terminal_gets_less_and_then_blocks(self):
        row = ["a" * 20, "b" * 20, "c" * 20]
        texts = []
        for width in (70, 60, 40, 30):
            shown, out = printer(width)
            shown.table(["one", "two", "three"], [row], flexible="three", optional=("two",))
            texts.append(out.getvalue())
        assert row[2] in texts[0]
        assert "b" in texts[1]
        assert "…" in texts[1]
        assert "b" not in texts[2]
        assert texts[3].startswith("one    aaa")

    def test_a_pipe_gets_everything_on_one_line(self):
        shown, out = printer(40, terminal=False)
        shown.table(["one", "two"], [["a" * 500, "b" * 500]], flexible="two", optional=("one",))
        assert out.getvalue().splitlines()[1] == f"{'a' * 500}  {'b' * 500}"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)


class TestJson:
    @given(VALUES, st.sampled_from(["utf-8", "ascii", "latin-1", "gbk", "unknown", None]), st.sampled_from([None, 2]))
    def test_is_the_same_value_in_every_encoding(self, value, encoding, indent):
        text = encoded(value, encoding, indent)
        assert json.loads(text) == value
        assert all(one.isprintable() or one == "\n" for one in text)
        if encoding not in {"unknown", None}:
            text.encode(encoding)

    def test_readable_letters_stay_readable(self):
        assert encoded({"a": "歌\x1b"}) == '{"a": "歌\\u001b"}'

    def test_a_stream_has_one_value_per_line(self):
        shown, out = printer()
        shown.json_line({"a": "x\ny"})
        shown.json_line({})
        assert out.getvalue() == '{"a": "x\\ny"}\n{}\n'


class TestWords:
    now = datetime(2026, 11, 21, 8, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (0, "0 s ago"),
            (59.9, "59 s ago"),
            (119, "1 min ago"),
            (-7300, "in 2 h"),
            (90_000, "1 d ago"),
            (60, "1 min ago"),
        ],
    )
    def test_ages(self, seconds, text):
        time = (self.now - timedelta(seconds=seconds)).isoformat()
        assert ago(time, self.now) == text

    @given(st.floats(0, 1e7))
    def test_no_duration_is_longer_than_it_is_by_more_than_its_rounding(self, seconds):
        number, unit = duration(seconds).split()
        whole = int(number) * {"s": 1, "min": 60, "h": 3600, "d": 86_400}[unit]
        assert whole <= seconds
        assert unit != "s" or whole < 60

    @given(TEXT)
    def test_an_unreadable_time_stays_as_it_is(self, text):
        assert isinstance(ago(text, self.now), str)

    def test_a_time_without_an_offset_is_utc(self):
        assert ago("2026-11-21T07:00:00", self.now) == "1 h ago"

    def test_numbers_and_names(self):
        assert (count(1, "task"), count(2, "task"), count(1, "task", more=True)) == ("1 task", "2 tasks", "1+ tasks")
        assert [size(one) for one in (5, 5_100, 5_139_485, 2 * 10**9, None)] == [
            "5 B",
            "5.1 kB",
            "5.1 MB",
            "2.0 GB",
            None,
        ]
        assert [clock(one) for one in (-1, 61_999, 3_600_000, None)] == ["0:00", "1:01", "1:00:00", None]

    @given(TEXT)
    def test_any_url_has_some_name(self, text):
        assert isinstance(file_name(text), str) or not text


class TestConfirmation:
    def test_without_a_person_it_refuses(self, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        with pytest.raises(CliError, match="nothing was changed"):
            printer()[0].confirm("Delete?", yes=False)
        printer()[0].confirm("Delete?", yes=True)
