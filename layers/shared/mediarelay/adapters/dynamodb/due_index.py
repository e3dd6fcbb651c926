"""The shards of the due index."""

SHARDS = 4


def shard_of(duty: str, identity: str) -> str:
    """Return the partition of the due index in which an item waits for its duty."""
    return f"{duty}#{sum(identity.encode()) % SHARDS}"


def shards(duty: str) -> list[str]:
    """Return all partitions of one duty."""
    return [f"{duty}#{number}" for number in range(SHARDS)]
