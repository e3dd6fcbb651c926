"""Removes the secrets of every provider from a body that no reader could read: it may have arrived at a wrong route."""


def scrub(body: bytes) -> bytes:
    """Return a body without the secrets of any provider; the same bytes if it contains none."""
    # Only an unreadable body needs the other providers, so they stay out of the cold start of a callback function.
    from mediarelay.providers.routes import CALLBACKS  # noqa: PLC0415

    for callbacks in CALLBACKS:
        body = callbacks.redact(body)
    return body
