"""Render the documents that a deployed stack serves at `/docs/{page}`, with an anchor at every heading.

A heading that is a name, such as `OverdueAlarm`, has a second anchor: the name itself, as an alarm's link spells it.
Browsers tell capital letters of an anchor apart.

A link to a document that the stack does not serve becomes text with the name of its file.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("runbook", "errors")
SERVED = ROOT / "functions" / "console" / "static" / "docs"
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - Mediarelay</title>
<link rel="icon" href="../console/favicon.svg">
<link rel="stylesheet" href="../console/style.css">
<script src="../console/theme.js"></script>
</head>
<body class="document">
<a class="skip" href="#content">Skip to the text</a>
<header class="bar">
<a class="brand" href="../console"><span>Mediarelay</span></a>
<nav aria-label="Documents">{links}</nav>
<button type="button" class="quiet" data-theme-switch>Theme</button>
</header>
<div class="columns">
<nav class="contents" aria-label="Contents">
{contents}
</nav>
<main id="content">
{body}</main>
</div>
</body>
</html>
"""


def html_pages(generated: Mapping[Path, str]) -> dict[Path, str]:
    """Return the text of each page, by the file that the stack serves.

    `generated` holds the texts of the documents that are generated themselves; the files may be behind.
    """
    sources = {name: ROOT / "docs" / f"{name}.md" for name in PAGES}
    texts = {name: generated.get(file) or file.read_text("utf-8") for name, file in sources.items()}
    return {SERVED / f"{name}.html": _page(text) for name, text in texts.items()}


def _page(text: str) -> str:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(COMMENT.sub("", text))
    headings = list(_name_headings(tokens))
    for token in tokens:
        _rewrite_links(token.children or [])
    return FRAME.format(
        title=escape(headings[0][2]),
        links=" ".join(f'<a href="{one}">{one.capitalize()}</a>' for one in PAGES),
        contents="\n".join(_entry(*heading) for heading in headings[1:]),
        body=markdown.renderer.render(tokens, markdown.options, {}),
    )


def _entry(level: str, anchor: str, text: str) -> str:
    return f'<a class="{level}" href="#{escape(anchor)}">{escape(text)}</a>'


def _name_headings(tokens: Sequence[Token]) -> Iterator[tuple[str, str, str]]:
    """Give each heading its anchor; yield its level such as `h2`, its anchor and its text."""
    used: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(child.content for child in inline.children or [])
            anchor = anchor_of(text)
            number = used[anchor] = used.get(anchor, -1) + 1
            opening.attrSet("id", f"{anchor}-{number}" if number else anchor)
            _add_name(inline, text)
            yield opening.tag, str(opening.attrGet("id")), text


def _add_name(inline: Token, text: str) -> None:
    """Add the anchor of a heading that is a name of several words, such as `OverdueAlarm`."""
    if inline.children is not None and re.fullmatch("(?:[A-Z][a-z]+){2,}", text):
        opening = Token("span_open", "span", 1, attrs={"id": text})
        inline.children[:0] = [opening, Token("span_close", "span", -1)]


def anchor_of(text: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def _rewrite_links(children: Sequence[Token]) -> None:
    dead = False
    for token in children:
        if token.type == "link_open":
            dead = _rewrite_link(token)
        if token.type in {"link_open", "link_close"} and dead:
            token.tag = "span"


def _rewrite_link(token: Token) -> bool:
    """Let a link lead to a page that the stack serves; return True if there is none."""
    file, mark, anchor = str(token.attrGet("href")).partition("#")
    if file.startswith(("http://", "https://")):
        token.attrSet("rel", "noreferrer")
    elif not file or file.removesuffix(".md") in PAGES:
        token.attrSet("href", file.removesuffix(".md") + mark + anchor)
    else:
        name = (ROOT / "docs" / file).resolve().relative_to(ROOT).as_posix()
        token.attrs = {"class": "file", "title": name}
        return True
    return False
