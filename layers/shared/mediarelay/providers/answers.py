"""What the readers of all providers' answers share: errors for bodies that cannot be read, and texts for clients."""

from mediarelay.errors import ProviderBusy, ProviderUnreadable

# A response that is not a JSON object is usually the error page of a proxy. Its beginning is enough to recognise it.
MAX_PAGE_BYTES = 64 * 1024
# Clients and logs get this many characters of a provider's message, which may be of any length.
MAX_MESSAGE_LENGTH = 500


def unreadable(body: bytes, reason: str) -> ProviderBusy:
    """Return the error for a body that cannot be read, with the whole body if it looks like JSON."""
    if not body:
        return ProviderBusy("no usable answer (empty)")
    looks_like_json = body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    return ProviderUnreadable(f"no usable answer ({reason})", body if looks_like_json else body[:MAX_PAGE_BYTES])


def printable(message: str) -> str:
    """Return a provider's message as clients may see it: bounded, and without control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in message[:MAX_MESSAGE_LENGTH]).strip()
