"""The Chinese pages say what the English ones say, as far as a program can tell, and follow their changes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs import translations
from docs.translations import NOTICE, accept, english_of, in_chinese, main, problems, sections

ENGLISH = """\
# Page

[中文](page.zh.md)

Text with `name`, `other` and [a link](other.md#there).

## First

Words that
are wrapped.

| a | b |
| --- | --- |
| 1 | 2 |

<!-- exit 1 -->
```sh
# not a heading
mediarelay status
```

## Second

See [the page](#first) and [another](api.md).

```mermaid
    a([client]) -- calls --> b[(table)]
```

- In a list:

  ```
  make up      # starts it
  ```
"""
CHINESE = f"""\
# 页面

{NOTICE.format(name="page.md")}

文字。[链接](other.zh.md#there)、`other` 和 `name`。

## <a id="first"></a>第一

换行的文字。

| 甲 | 乙 |
| --- | --- |
| 1 | 2 |

<!-- exit 1 -->
```sh
# not a heading
mediarelay status
```

## <a id="second"></a>第二

参见[另一页](api.md)和[本页](#first)。

```mermaid
    a([客户端]) -- 调用 --> b[(表)]
```

- 列表。

  ```
  make up      # 启动
  ```
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A translation that is up to date, in a repository of its own."""
    monkeypatch.setattr(translations, "ROOT", tmp_path)
    chinese = tmp_path / "page.zh.md"
    for file, text in ((chinese, CHINESE), (tmp_path / "page.md", ENGLISH), (tmp_path / "other.zh.md", "# 其他\n")):
        file.write_text(text, "utf-8")
    (tmp_path / "other.md").write_text("# Other\n", "utf-8")
    accept(chinese)
    return chinese


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), "utf-8")


@pytest.mark.parametrize(
    "name", [file.relative_to(translations.ROOT).as_posix() for file in translations.translations()]
)
def test_the_translation_is_up_to_date(name: str) -> None:
    """If this fails, `python -m docs.translations` says the same, and CONTRIBUTING.md what to do."""
    found = problems(translations.ROOT / name)
    assert not found, "\n".join(found)


def test_the_pages_of_a_beginner_are_translated() -> None:
    translated = {english_of(file).name for file in translations.translations()}
    assert translated == {"README.md", "tutorial.md", "how-to.md"}


def test_a_translation_that_follows_its_page_has_no_problem(page: Path) -> None:
    assert problems(page) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("Words that", "Other words that", "First: the translation is behind"),
        ("| 1 | 2 |", "| 1 | 3 |", "First: the translation is behind"),
        ("[another]", "[one more]", "Second: the translation is behind"),
    ],
)
def test_a_changed_english_section_is_behind_until_it_is_accepted(
    page: Path, before: str, after: str, expected: str
) -> None:
    change(english_of(page), before, after)
    assert problems(page) == [expected]
    accept(page)
    assert problems(page) == []


def test_a_renamed_section_is_behind_under_both_names(page: Path) -> None:
    change(english_of(page), "## First", "## Begin")
    change(english_of(page), "#first", "#begin")
    found = problems(page)
    assert "Begin: the translation is behind" in found
    assert "First: the English page no longer has this section" in found
    assert "Begin: anchor: missing ['begin'], too many ['first']" in found


def test_the_width_of_english_lines_does_not_matter(page: Path) -> None:
    change(english_of(page), "Words that\nare wrapped.", "Words that are\nwrapped.")
    assert problems(page) == []


def test_a_translation_without_a_record_is_behind_everywhere(page: Path) -> None:
    page.write_text(CHINESE, "utf-8")
    assert problems(page) == [f"{title}: the translation is behind" for title in ("Page", "First", "Second")]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("mediarelay status", "mediarelay stuck", "First: blocks of code: missing ['mediarelay status'], too many ["),
        ("<!-- exit 1 -->\n", "", "First: blocks of code: missing ['<!-- exit 1 -->'], too many []"),
        (
            "# not a heading\nmediarelay status",
            "mediarelay status\n# not a heading",
            "First: blocks of code: other order",
        ),
        ("make up ", "make run ", "Second: blocks of code: "),
        ("b[(表)]", "c[(表)]", "Second: blocks of code: "),
        ("`other`", "`others`", "Page: code in sentences: missing ['`other`'], too many ['`others`']"),
        (
            "other.zh.md#there",
            "other.md#there",
            "Page: links: missing ['other.zh.md#there'], too many ['other.md#there']",
        ),
        ("(#first)", "(#third)", "Second: links: missing ['#first'], too many ['#third']"),
        ("| 1 | 2 |\n", "", "First: tables: missing ['3 rows'], too many ['2 rows']"),
        ('<a id="second"></a>', "", "Second: anchor: missing ['second'], too many []"),
        ("本页译自英文版", "译自", "Page: the first line is not: "),
        ("## <a", "### <a", "Page: the headings are not those of the English page"),
        ("文字。", "文字,", "Page: punctuation: missing [], too many ['字,']"),
    ],
)
def test_a_part_that_differs_is_named(page: Path, before: str, after: str, expected: str) -> None:
    change(page, before, after)
    (found,) = problems(page)
    assert found.startswith(expected)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("other.md", "other.zh.md"),
        ("other.md#a", "other.zh.md#a"),
        ("api.md#a", "api.md#a"),
        ("#a", "#a"),
        ("https://example.com/other.md", "https://example.com/other.md"),
    ],
)
def test_a_link_leads_to_a_translation_if_there_is_one(page: Path, link: str, expected: str) -> None:
    assert in_chinese(link, page) == expected


def test_the_command_names_sections_and_records_digests(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (page.parent / "other.zh.md").unlink()
    change(page, "other.zh.md", "other.md")
    assert main([]) == 0
    change(english_of(page), "Words that", "Other words that")
    assert main([]) == 1
    assert capsys.readouterr().out == "page.zh.md: First: the translation is behind\n"
    assert main(["--accept", str(page)]) == 0
    assert capsys.readouterr().out == ""


WORDS = st.lists(st.sampled_from(["word", "`code`", "# hash", "| row |", "[a](b.md)", "## Heading", "```", "\n"]))


@given(WORDS)
def test_no_text_of_a_page_is_outside_its_sections(words: list[str]) -> None:
    """Otherwise a change of that text would leave no section behind."""
    text = "# Title\n" + "\n".join(words)
    found = sections(text)
    assert "".join(f"{one.level} {one.title}{one.text}" for one in found) == text
