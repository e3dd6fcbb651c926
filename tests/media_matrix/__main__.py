"""`make matrix`: every file that the shipped ffmpeg can write goes through the engine; prints what came of it.

`python -m tests.media_matrix [WORD...]` takes only recipes with one of the words in their group or name.
"""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.media_matrix.recipes import Recipe, recipes, write
from tests.media_matrix.trial import PLANS, faults, run


def main(words: list[str]) -> int:
    """Make, run, count; returns how many ended wrong."""
    counts: dict[str, Counter[str]] = {}
    wrong = 0
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for recipe in recipes():
            if words and not any(word in f"{recipe.group}:{recipe.name}" for word in words):
                continue
            path = Path(folder) / "file"
            path.unlink(missing_ok=True)
            if write(recipe, str(path)):
                wrong += _try(
                    recipe,
                    path,
                    counts.setdefault(recipe.group, Counter()),
                    counts.setdefault(f"`{recipe.muxer}`", Counter()),
                )
    _print(counts)
    print(f"\n{wrong} wrong, {time.monotonic() - begun:.0f} s")
    return min(wrong, 1)


def _try(recipe: Recipe, path: Path, *tallies: Counter[str]) -> int:
    ends = {kind: run(path, kind) for kind in PLANS}
    flaws = {kind: fault for kind, ended in ends.items() if (fault := faults(path, kind, ended))}
    for kind, fault in flaws.items():
        print(f"{recipe.name} ({recipe.group}), {kind}: {fault}", flush=True)
    # A file counts as what its better task makes of it: a song has no picture.
    code = min(ended.code for ended in ends.values())
    for tally in tallies:
        tally.update(["made", "wrong" if flaws else str(code or "succeeded")])
    return bool(flaws)


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
