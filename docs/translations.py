"""`python -m docs.translations [--accept FILE ...]`: name the Chinese sections that are behind the English.

A translation ends with a comment that has a digest of every English section it was made from. With `--accept`, the
command records the digests of the present English sections, after a translator has updated the text. It exits with 1
if it names anything.

| part of a section | how the translation compares |
| --- | --- |
| heading | same level and place; it begins with the anchor of the English one, so that links work in both languages |
| block of code | same, except labels of a diagram, and, in a block without a language, what follows two spaces |
| code in a sentence | same names, in any order |
| link | same target, or its translation if there is one |
| table | same number of rows |
"""

import argparse
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from docs.pages import anchor_of

ROOT = Path(__file__).resolve().parent.parent
SUFFIX = ".zh.md"
# The third line of a translation: which page decides.
NOTICE = "本页译自英文版 [{name}]({name})。内容不一致时以英文版为准。"
DIGITS = 12
_RECORD = re.compile(r"\n<!-- translated from:\n(?P<lines>(?:\w+ .*\n)*)-->\n\Z")
_FENCE = re.compile(
    r"^(?:<!-- exit \w+ -->\n)?(?P<indent> *)```(?P<language>\w*)\n.*?^(?P=indent)```$", re.DOTALL | re.MULTILINE
)
_HEADING = re.compile(r'^(?P<level>#+) (?:<a id="(?P<anchor>[\w-]+)"></a>)?(?P<title>.+)$', re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`[^`]+`")
_ROW = re.compile(r"^ *\|", re.MULTILINE)
# Chinese uses punctuation of its own width.
_HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,:;?!]|[,:;?!][\u4e00-\u9fff]")
# What a translation may change in a block, by the block's language.
EXPLANATIONS = {
    "mermaid": re.compile(r"(?<=-- )[^-]+(?= -->)|(?<=[\[(])[^\[\]()]+(?=[\])])"),
    "": re.compile(r"(?<=\S) {2,}\S.*"),
}


@dataclass(frozen=True)
class Section:
    """A heading with the text up to the next heading. `anchor` is "" where the heading does not state one."""

    level: str
    anchor: str
    title: str
    text: str

    @property
    def digest(self) -> str:
        """A digest that changes with the words of the section, and not with the width of its lines."""
        words = " ".join([self.level, self.title, *self.text.split()])
        return hashlib.sha256(words.encode()).hexdigest()[:DIGITS]

    @property
    def prose(self) -> str:
        """The text without fenced blocks."""
        return _FENCE.sub("", self.text)

    @property
    def code(self) -> list[str]:
        """The lines of all fenced blocks, without what a translation may change."""
        return [line for block in _FENCE.finditer(self.text) for line in _fixed(block).splitlines()]

    @property
    def names(self) -> list[str]:
        """The code in sentences, each once."""
        return sorted({" ".join(name.split()) for name in _CODE.findall(self.prose)})

    @property
    def links(self) -> list[str]:
        """The targets of links."""
        return sorted(_LINK.findall(_CODE.sub("", self.prose)))

    @property
    def rows(self) -> list[str]:
        """The number of rows of all tables."""
        return [f"{len(_ROW.findall(self.prose))} rows"]


def _fixed(block: re.Match[str]) -> str:
    explanation = EXPLANATIONS.get(block["language"])
    return explanation.sub("", block[0]) if explanation else block[0]


def sections(text: str) -> list[Section]:
    """Return the sections of a page. Lines of code that look like headings do not count."""
    fenced = [range(*block.span()) for block in _FENCE.finditer(text)]
    heads = [head for head in _HEADING.finditer(text) if not any(head.start() in block for block in fenced)]
    ends = [*(head.start() for head in heads[1:]), len(text)]
    return [
        Section(head["level"], head["anchor"] or "", head["title"], text[head.end() : end])
        for head, end in zip(heads, ends, strict=True)
    ]


def translations() -> list[Path]:
    """Return all Chinese pages."""
    return sorted([*ROOT.glob(f"*{SUFFIX}"), *(ROOT / "docs").rglob(f"*{SUFFIX}")])


def english_of(page: Path) -> Path:
    """Return the English page of a translation. An English page is its own."""
    return page.with_name(page.name.removesuffix(SUFFIX).removesuffix(".md") + ".md")


def problems(page: Path) -> list[str]:
    """Return what is wrong with a translation. Each line begins with the English title of a section."""
    english = sections(english_of(page).read_text("utf-8"))
    chinese = sections(_RECORD.sub("", page.read_text("utf-8")))
    return [*_behind(page, english), *_compare(page, english, chinese)]


def _behind(page: Path, english: Sequence[Section]) -> Iterator[str]:
    record = _RECORD.search(page.read_text("utf-8"))
    lines = record["lines"].splitlines() if record else []
    known = {title: digest for digest, title in (line.split(" ", 1) for line in lines)}
    for one in english:
        if known.pop(one.title, "") != one.digest:
            yield f"{one.title}: the translation is behind"
    yield from (f"{title}: the English page no longer has this section" for title in known)


def _compare(page: Path, english: Sequence[Section], chinese: Sequence[Section]) -> Iterator[str]:
    if [one.level for one in english] != [one.level for one in chinese]:
        yield f"{english[0].title}: the headings are not those of the English page"
        return
    notice = NOTICE.format(name=english_of(page).name)
    if not chinese[0].text.startswith(f"\n\n{notice}\n"):
        yield f"{english[0].title}: the first line is not: {notice}"
    for ours, theirs in zip(english, chinese, strict=True):
        yield from (f"{ours.title}: {difference}" for difference in _differences(ours, theirs, page))


def _differences(ours: Section, theirs: Section, page: Path) -> Iterator[str]:
    # The title of a page needs no anchor.
    anchor = [] if ours.level == "#" else [anchor_of(ours.title)]
    between = {page.name, english_of(page).name}
    compared = {
        "anchor": (anchor, [theirs.anchor] if theirs.anchor else []),
        "blocks of code": (ours.code, theirs.code),
        "code in sentences": (ours.names, theirs.names),
        "links": (
            sorted(in_chinese(link, page) for link in ours.links if link not in between),
            [link for link in theirs.links if link not in between],
        ),
        "tables": (ours.rows, theirs.rows),
        "punctuation": ([], _HALF_WIDTH.findall(_CODE.sub("", theirs.prose))),
    }
    for what, (wanted, found) in compared.items():
        if wanted != found:
            missing, extra = Counter(wanted) - Counter(found), Counter(found) - Counter(wanted)
            yield f"{what}: missing {[*missing]}, too many {[*extra]}" if missing or extra else f"{what}: other order"


def in_chinese(link: str, page: Path) -> str:
    """Return the target that a link of an English page has in its translation `page`."""
    path, mark, anchor = link.partition("#")
    translated = path.removesuffix(".md") + SUFFIX
    return (translated if path and (page.parent / translated).is_file() else path) + mark + anchor


def accept(page: Path) -> None:
    """Record in a translation the digests of the present English sections."""
    lines = [f"{one.digest} {one.title}\n" for one in sections(english_of(page).read_text("utf-8"))]
    text = _RECORD.sub("", page.read_text("utf-8")).rstrip()
    page.write_text(f"{text}\n\n<!-- translated from:\n{''.join(lines)}-->\n", "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Return its exit code."""
    parser = argparse.ArgumentParser(prog="docs.translations", description="Name sections whose translation is behind.")
    parser.add_argument("--accept", metavar="FILE", nargs="+", type=Path, default=[], help="record it as up to date")
    for page in parser.parse_args(arguments).accept:
        accept(page.resolve())
    found = [f"{page.relative_to(ROOT)}: {problem}\n" for page in translations() for problem in problems(page)]
    sys.stdout.writelines(found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
