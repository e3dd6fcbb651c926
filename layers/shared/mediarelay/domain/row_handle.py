"""Handles of stored rows."""

from typing import NewType

RowHandle = NewType("RowHandle", tuple[str, str])
"""Names a stored row for the adapter that read it, as a receipt handle of SQS names a message. Only that adapter looks
into it; use cases pass it back."""
