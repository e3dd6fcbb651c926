"""Which tests share a worker: those that use one deployed stack, build the layers once, or build on what others found.

pytest 9.2 no longer takes the suffix by which `--dist loadgroup` of pytest-xdist 3.8 tells its groups apart.
"""

from collections import Counter

TOGETHER = {
    "tests/browser/": "browser",
    "tests/e2e/test_commands.py": "commands",
    "tests/e2e/": "deployed",
    "tests/chaos/": "chaos",
    "tests/template/test_layers.py": "layers",
    "tests/integration/test_runtime.py": "layers",
    "tests/integration/test_events.py": "events",
    "tests/unit/test_contributing.py": "contributing",
}
AT_ONCE = 5
"""How many other tests of a file a worker gets at once. One by one, pytest-xdist searches all 15,000 for each of them.
It must be less than any group has: pytest-xdist starts with the largest, and groups take longest."""


class Scopes:
    """Names the scope of each test, in the order of the collection."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}
        self._seen: Counter[str] = Counter()

    def of(self, nodeid: str) -> str:
        """Return the scope of a test: its group, or a part of its file."""
        if nodeid not in self._found:
            self._found[nodeid] = self._new(nodeid)
        return self._found[nodeid]

    def _new(self, nodeid: str) -> str:
        if group := next((group for start, group in TOGETHER.items() if nodeid.startswith(start)), None):
            return group
        file = nodeid.partition("::")[0]
        self._seen[file] += 1
        return f"{file} {(self._seen[file] - 1) // AT_ONCE}"
