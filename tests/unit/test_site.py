"""The website has every page of the repository, and no link that leaves it."""

import re
from pathlib import Path

import pytest

from docs import site
from docs.site import OUTSIDE, ROOT, collect, in_site, pages

README = Path("README.md")


def test_every_page_of_the_repository_is_a_page_of_the_site(tmp_path: Path) -> None:
    written = {file.relative_to(tmp_path).as_posix() for file in collect(tmp_path)}
    inside = {file.relative_to(ROOT / "docs").as_posix() for file in (ROOT / "docs").rglob("*.md")}
    assert inside <= written
    assert {name for source, name in OUTSIDE.items() if (ROOT / source).exists()} <= written
    assert len(written) == len(pages())


def test_an_old_page_is_removed(tmp_path: Path) -> None:
    (tmp_path / "old.md").write_text("gone")
    collect(tmp_path)
    assert not (tmp_path / "old.md").exists()


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        ("[a](docs/api.md#errors)", "README.md", "[a](api.md#errors)"),
        ("[a](CONTRIBUTING.md)", "README.md", "[a](contributing.md)"),
        ("[a](../CONTRIBUTING.md#add-a-provider)", "docs/providers.md", "[a](contributing.md#add-a-provider)"),
        ("[a](api.md)", "docs/deploy.md", "[a](api.md)"),
        ("[a](#here)", "docs/deploy.md", "[a](#here)"),
        ("[a](https://example.com/x.md)", "docs/deploy.md", "[a](https://example.com/x.md)"),
        ("see [the template](../template.yaml).", "docs/deploy.md", "see the template."),
        ("[a](api.md)", "docs/how-to.zh.md", "[a](api.md)"),
        ("[a](how-to.zh.md#upgrade)", "docs/tutorial.zh.md", "[a](how-to.zh.md#upgrade)"),
        ("[a](how-to.zh.md#upgrade)", "docs/how-to.zh.md", "[a](how-to.zh.md#upgrade)"),
        ('## <a id="upgrade"></a>升级', "docs/how-to.zh.md", "## 升级 {#upgrade}"),
    ],
)
def test_links_lead_to_pages_of_the_site(text: str, source: str, expected: str) -> None:
    assert in_site(text, Path(source)) == expected


@pytest.mark.parametrize(
    ("target", "source", "address"),
    [
        ("README.zh.md", "README.md", "zh/"),
        ("README.md", "README.zh.md", "../"),
        ("tutorial.md", "docs/tutorial.zh.md", "../../tutorial/"),
        ("tutorial.zh.md", "docs/tutorial.md", "../zh/tutorial/"),
    ],
)
def test_a_link_to_the_other_language_is_one_between_built_pages(target: str, source: str, address: str) -> None:
    assert in_site(f"[a]({target})", Path(source)) == f'<a href="{address}">a</a>'


def test_a_page_in_a_folder_finds_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "pages", lambda: {"docs/how-to/replay.md": "how-to/replay.md", "docs/api.md": "api.md"})
    assert in_site("[a](../api.md)", Path("docs/how-to/replay.md")) == "[a](../api.md)"


def test_what_belongs_to_an_item_is_indented_for_mkdocs() -> None:
    page = """\
1. First
   goes on:

   ```sh
   - no item
     two more
   ```

2. Second:
   - nested

     deep

```sh
1. no item
   as it is
```

- Bullet
  goes on
No item
"""
    expected = """\
1. First
    goes on:

    ```sh
    - no item
      two more
    ```

2. Second:
    - nested

        deep

```sh
1. no item
   as it is
```

- Bullet
    goes on
No item
"""
    assert in_site(page, Path("docs/api.md")) == expected


def test_every_page_is_in_the_navigation() -> None:
    """Material lists pages without a place in the navigation at random."""
    listed = set(re.findall(r": ([\w/-]+\.md)", (ROOT / "mkdocs.yml").read_text("utf-8")))
    english = {name for name in pages().values() if name.endswith(".md") and not name.endswith(".zh.md")}
    assert listed == english


def test_the_chinese_navigation_is_chinese() -> None:
    languages, _, navigation = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")
    titles = set(re.findall(r"- ([^:]+):", navigation)) - {"Mediarelay"}
    translated = dict(re.findall(r"^ {12}([^:]+): (.+)$", languages, re.MULTILINE))
    assert translated.keys() == titles
    assert {chinese for chinese in translated.values() if chinese.isascii()} == {"HTTP API", "Webhook"}


def test_the_website_is_built_strictly() -> None:
    """With `--quiet`, mkdocs neither shows nor counts the warnings that `--strict` turns into errors."""
    build = re.search(r"^\t.*mkdocs build.*$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert build
    assert "--strict" in build[0]
    assert "--quiet" not in build[0]
