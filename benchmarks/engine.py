"""`python -m benchmarks.engine`: the CPU time of all renditions of one source, by the engine and by plain ffmpeg.

The engine probes the source, makes four videos, three covers and a GIF, and measures each output. The baseline is one
ffmpeg command with the same outputs (`baselines/renditions.sh`). Rounds alternate. The time is the user and system time
of this process and of its children; the figures are medians.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.figures import goal
from engine.config import Bucket, Cover
from engine.plan import plan_video
from engine.targets import SOURCE
from engine.transcode import Ffmpeg, Handle, find_ffmpeg

BASELINE = Path(__file__).parent / "baselines/renditions.sh"
BUCKET = Bucket(name="clips", region="sh", video=True, covers=(Cover(spec="s_270", count=3),), gifs=("w_320",))
# The length of the source in seconds.
SECONDS, QUICK_SECONDS = 20, 4
# Seconds that ffmpeg may take on a busy machine.
TIMEOUT = 600
ROUNDS, QUICK_ROUNDS = 5, 2
GOAL = goal("engine", "ratio")


def make_source(file: Path, seconds: int = SECONDS) -> None:
    """Generate a video of 1280x720 with sound, whose bitrate is above that of every rendition."""
    picture = f"testsrc2=size=1280x720:rate=25:duration={seconds},noise=alls=12:allf=t"
    sound = f"sine=frequency=440:sample_rate=44100:duration={seconds}"
    options = ("-c:v", "libx264", "-preset", "veryfast", "-b:v", "4M", "-pix_fmt", "yuv420p", "-b:a", "128k")
    inputs = ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound)
    subprocess.run([find_ffmpeg(), "-v", "error", "-y", *inputs, *options, str(file)], check=True)


def by_engine(source: Path, folder: Path, _seconds: int) -> None:
    """Probe a source, make its renditions in a folder and measure them, as an attempt of the engine does."""
    shutil.copy(source, folder / SOURCE)
    transcoder = Ffmpeg(TIMEOUT)
    facts = transcoder.probe(folder / SOURCE)
    targets = plan_video(facts, BUCKET)
    transcoder.make(facts, targets, folder, Handle(), lambda _percent: None)
    for target in targets:
        transcoder.measure(target, [folder / file for file in target.files], target.suffixes)


def by_ffmpeg(source: Path, folder: Path, seconds: int) -> None:
    """Make the same renditions with the plain command."""
    subprocess.run(["/bin/sh", str(BASELINE), find_ffmpeg(), str(source), str(seconds)], cwd=folder, check=True)


Way = Callable[[Path, Path, int], None]
WAYS: Mapping[str, Way] = {"engine": by_engine, "ffmpeg": by_ffmpeg}


def measure(rounds: int = ROUNDS, seconds: int = SECONDS) -> dict[str, float]:
    """Return the median CPU seconds of each of `WAYS`, and the median of the ratios of each round as `ratio`."""
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "source.mp4"
        make_source(source, seconds)
        for index in range(rounds):
            # Each way comes first in every other round, because the load of the machine changes meanwhile.
            for name in sorted(WAYS, reverse=bool(index % 2)):
                found[name].append(_cpu(WAYS[name], source, seconds))
    ratios = [one / other for one, other in zip(found["engine"], found["ffmpeg"], strict=True)]
    medians = {name: statistics.median(times) for name, times in found.items()}
    return medians | {"ratio": statistics.median(ratios)}


def _cpu(way: Way, source: Path, seconds: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        before = _used()
        way(source, Path(folder), seconds)
        return _used() - before


def _used() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> int:
    """Print the medians as JSON, and on stderr if the goal is missed. Return 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds with a shorter source")
    options = parser.parse_args()
    medians = measure(QUICK_ROUNDS, QUICK_SECONDS) if options.quick else measure()
    print(json.dumps(medians, indent=1))
    if medians["ratio"] > GOAL:
        print(f"the ratio is {medians['ratio']:.3f}, the goal is {GOAL}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
