"""`python -m benchmarks.one FIGURE [--quick]`: measure one figure, and print the measurement as one line of JSON.

Each figure has a process of its own: what one loads, patches or leaves behind cannot change another one.
"""

import argparse
import json
from dataclasses import asdict

from benchmarks.figures import BY_NAME

# What the line with the measurement begins with.
MEASURED = "measured: "


def main() -> None:
    """Measure the figure that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.one", description=__doc__)
    parser.add_argument("figure", choices=BY_NAME)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    measured = BY_NAME[options.figure].function(quick=options.quick)
    print(f"{MEASURED}{json.dumps(asdict(measured))}")


if __name__ == "__main__":
    main()
