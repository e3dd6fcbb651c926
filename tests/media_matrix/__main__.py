"""`make matrix`: every file that the shipped ffmpeg can write goes through the engine; prints what came of it.

`python -m tests.media_matrix [WORD...]` takes only recipes with one of the words in their group or name.
"""

import contextlib
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.media_matrix.recipes import Recipe, recipes, write
from tests.media_matrix.trial import PLANS, faults, run


def main(words: list[str]) -> int:
    """Make, run, count; returns 1 if any file ended wrong. Ctrl-C ends it early, with the counts so far."""
    counts: dict[str, Counter[str]] = {}
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(KeyboardInterrupt):
        for recipe in recipes():
            if not words or any(word in f"{recipe.group}:{recipe.name}" for word in words):
                _try(recipe, Path(folder) / "file", counts)
    _print(counts)
    print(f"\n{time.monotonic() - begun:.0f} s")
    return int(any(tally["wrong"] for tally in counts.values()))


def _try(recipe: Recipe, path: Path, counts: dict[str, Counter[str]]) -> None:
    path.unlink(missing_ok=True)
    if not write(recipe, str(path)):
        return
    ends = {kind: run(path, kind) for kind in PLANS}
    flaws = {kind: fault for kind, ended in ends.items() if (fault := faults(path, kind, ended))}
    for kind, fault in flaws.items():
        print(f"{recipe.name} ({recipe.group}), {kind}: {fault}", flush=True)
    # A file counts as what its better task makes of it: a song has no picture.
    code = min(ended.code for ended in ends.values())
    for name in (recipe.group, f"`{recipe.muxer}`"):
        counts.setdefault(name, Counter()).update(["made", "wrong" if flaws else str(code or "succeeded")])


def _print(counts: dict[str, Counter[str]]) -> None:
    total: Counter[str] = sum((tally for name, tally in counts.items() if not name.startswith("`")), Counter())
    codes = sorted(total.keys() - {"made", "succeeded"})
    print("| | made | succeeded |" + "".join(f" {code} |" for code in codes))
    print("|---|---|---|" + "---|" * len(codes))
    for name, tally in [*sorted(counts.items()), ("all", total)]:
        print(
            f"| {name} | {tally['made']} | {tally['succeeded']} |"
            + "".join(f" {tally[code] or ''} |" for code in codes)
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
