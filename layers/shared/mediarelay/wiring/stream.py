"""The table's stream: what reads its records."""

from mediarelay.adapters.dynamodb.stream import changes_of

__all__ = ["changes_of"]
