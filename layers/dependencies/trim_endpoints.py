"""`python trim_endpoints.py ENDPOINTS SERVICE...`: keep only some services in botocore's endpoints.json.

botocore reads the whole file, 1.2 MB with more than 400 services, whenever a process creates its first client. Every
partition and region stays, so a client resolves its endpoint as before.
"""

import json
import sys
from pathlib import Path


def main(file: Path, services: frozenset[str]) -> None:
    """Write the file again with these services only."""
    endpoints = json.loads(file.read_text(encoding="utf-8"))
    for partition in endpoints["partitions"]:
        known = partition["services"]
        partition["services"] = {name: known[name] for name in sorted(services & known.keys())}
    file.write_text(json.dumps(endpoints, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), frozenset(sys.argv[2:]))
