"""`python -m docs.site`: collect the pages of the website in `.local/site-source`, from which mkdocs builds it.

mkdocs builds one folder only, and refuses links that leave it. The repository keeps its README and some other pages
where a reader of the repository looks for them, so this module copies all pages and changes the links between them.
A heading of a translation begins with the anchor of the English one; in the site, the heading has no other.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from docs.translations import SUFFIX, english_of

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / ".local" / "site-source"
# Pages outside of `docs/`, and their names in the site.
OUTSIDE = {
    "README.md": "index.md",
    "README.zh.md": "index.zh.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "events/README.md": "events.md",
    "benchmarks/README.md": "benchmarks.md",
}
PLOTS = "benchmarks/plots"
INDENT = 4
# What a page shows or offers beside text.
ASSETS = ("*.png", "*.svg", "*.cast", "*.json")
_LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")
_SCHEME = re.compile(r"[a-z]+:")
_ANCHORED = re.compile(r'^(#+ )<a id="([\w-]+)"></a>(.+)$', re.MULTILINE)
_CHINESE_FOLDER = "zh/"
_ITEM = re.compile(r" *(?:\d+\.|[-*]) +(?=\S)")


def collect(target: Path = TARGET) -> list[Path]:
    """Write all pages and pictures into a folder, in place of what it holds. Return the files."""
    shutil.rmtree(target, ignore_errors=True)
    return [_write(source, target / name) for source, name in sorted(pages().items())]


def pages() -> dict[str, str]:
    """Return the name in the site of every page and picture, by its path in the repository."""
    docs = ROOT / "docs"
    inside = [file.relative_to(docs).as_posix() for kind in ("*.md", *ASSETS) for file in docs.rglob(kind)]
    plots = {f"{PLOTS}/{file.name}": f"plots/{file.name}" for file in (ROOT / PLOTS).glob("*.svg")}
    outside = {source: name for source, name in (OUTSIDE | plots).items() if (ROOT / source).exists()}
    return {f"docs/{name}": name for name in inside} | outside


def _write(source: str, file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".md":
        file.write_text(in_site((ROOT / source).read_text("utf-8"), Path(source)), "utf-8")
    else:
        shutil.copy(ROOT / source, file)
    return file


def in_site(text: str, source: Path) -> str:
    """Return a page whose links lead to pages of the site. A link to any other file of the repository becomes text."""
    known, own = pages(), Path(pages()[source.as_posix()])

    def rewrite(link: re.Match[str]) -> str:
        if _SCHEME.match(link[2]):
            return link[0]
        target = (ROOT / source.parent / link[2]).resolve().relative_to(ROOT).as_posix()
        if target not in known:
            return link[1]
        if target != source.as_posix() and english_of(Path(target)) == english_of(source):
            return _to_other_language(link[1], Path(known[target]), own)
        return f"[{link[1]}]({_relative(known[target], own)}{link[3] or ''})"

    return "".join(_widen_lists(_ANCHORED.sub(r"\1\3 {#\2}", _LINK.sub(rewrite, text))))


def _widen_lists(text: str) -> Iterator[str]:
    """Yield the lines of a page, with four columns of indentation for each list that a line is in.

    On GitHub, what belongs to an item begins below its text. mkdocs would end the list there, and count from 1 again.
    """
    # The column where the text of each open item begins.
    columns = list[int]()
    in_block = False
    for line in text.splitlines(keepends=True):
        content = line.lstrip(" ")
        indent = len(line) - len(content)
        while content.strip() and not in_block and columns and indent < columns[-1]:
            columns.pop()
        shift = INDENT * len(columns) - columns[-1] if columns else 0
        yield " " * (indent + shift) + content if content.strip() else line
        if content.startswith("```"):
            in_block = not in_block
        elif not in_block and (item := _ITEM.match(line)):
            columns.append(item.end())


def _to_other_language(text: str, target: Path, own: Path) -> str:
    # mkdocs builds each language on its own, so a link in Markdown cannot lead to a page of the other one.
    return f'<a href="{"../" * _url(own).count("/")}{_url(target)}">{text}</a>'


def _url(page: Path) -> str:
    """Return the address of a page relative to the site, such as `zh/how-to/`."""
    name = english_of(page).with_suffix("").as_posix().removesuffix("index")
    return (_CHINESE_FOLDER if page.name.endswith(SUFFIX) else "") + (f"{name}/" if name else "")


def _relative(name: str, page: Path) -> str:
    return "../" * len(page.parent.parts) + name


if __name__ == "__main__":
    collect()
