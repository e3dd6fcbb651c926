"""Handles of stored rows."""

from typing import NewType

# Names a stored row for the adapter that read it, as a receipt handle of SQS names a message. Only that adapter looks
# into it; use cases pass it back.
RowHandle = NewType("RowHandle", tuple[str, str])
