"""Every error Mediarelay raises on purpose.

MediarelayError
├── Rejected                the caller must change something       (4xx)
│   ├── Malformed           wrong shape, names the field           400
│   ├── Unauthenticated     missing or wrong token                 401
│   ├── Forbidden           known caller, not from here            403
│   ├── NotFound            no such task                           404
│   ├── Conflict            same key, other content                409
│   └── TooLarge            body over the limit                    413
├── RowUnreadable           an item of the table is not as written 500
├── LedgerUnavailable       the table did not take it, try again   503
├── KmsUnavailable        tokens cannot be encrypted or decrypted 503
├── DecryptionFailed              what is stored was not encrypted by us 500
├── SecretUnavailable       unreadable, or not what it should be   503
├── SettingUnusable         no sender can be judged by it          503
├── Undelivered             queue or topic did not take it: due    503
└── ProviderError           the provider did not give an answer
    ├── ProviderRefused     it will refuse the same call again     422
    ├── ProviderClosed      it refuses us, whatever we ask         503
    │   └── CircuitOpen     so it was not even asked               503
    ├── ProviderUnknown     it does not know such a task (yet)     502
    └── ProviderBusy        down, slow, limited: worth another try 503
        ├── ProviderUnreadable it answered, but not readably       503
        └── BudgetSpent     it was not even asked                  503
"""


class MediarelayError(Exception):
    """Base of all; `status` is the HTTP status it maps to."""

    status = 500
    title = "Internal error"


class Rejected(MediarelayError):
    """The caller must change something before trying again."""

    status = 400
    title = "Bad request"


class Malformed(Rejected):
    """The content has the wrong shape; `field` says where (dotted path)."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class Unauthenticated(Rejected):
    """The token is missing or wrong; says no more than that."""

    status = 401
    title = "Unauthenticated"


class Forbidden(Rejected):
    """The caller may not do this from where it is."""

    status = 403
    title = "Forbidden"


class NotFound(Rejected):
    """There is no such thing in the ledger."""

    status = 404
    title = "Not found"


class Conflict(Rejected):
    """The same key was used with another content."""

    status = 409
    title = "Conflict"


class TooLarge(Rejected):
    """The body is over the configured limit."""

    status = 413
    title = "Content too large"


class RowUnreadable(MediarelayError):
    """An item of the table is not as this code writes it: an attribute is missing, mistyped, or unparsable.

    Attributes:
        row: Its key, for the log and for whoever moves it out of the way.
        item: Its type, if that can be read; otherwise `unknown`.
    """

    title = "Stored data unreadable"

    def __init__(self, row: tuple[str, str], item: str, reason: str) -> None:
        super().__init__(f"{' '.join(row)}: {reason}")
        self.row, self.item = row, item


class LedgerUnavailable(MediarelayError):
    """The table did not take the write or answer the read; nothing is known to be stored."""

    status = 503
    title = "Ledger unavailable"


class KmsUnavailable(MediarelayError):
    """The key that encrypts tokens could not be used; nothing is stored, and no token is shown."""

    status = 503
    title = "KmsCipher unavailable"


class DecryptionFailed(MediarelayError):
    """The key did not make what is stored, or made it for another place: a repeat will not open it either."""

    title = "Stored data unreadable"


class SecretUnavailable(MediarelayError):
    """A secret could not be read, or does not hold what it should."""

    status = 503
    title = "Not ready"


class SettingUnusable(MediarelayError):
    """A setting has no usable value, so no sender can be checked."""

    status = 503
    title = "Not ready"


class Undelivered(MediarelayError):
    """The queue or the topic did not take a message; what it was about stays due."""

    status = 503
    title = "Not delivered"


class ProviderError(MediarelayError):
    """The provider gave no usable answer; `code` is its own code, if it sent one."""

    status = 502
    title = "Provider refused"

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class ProviderRefused(ProviderError):
    """The provider will refuse the same call again; its message says why."""

    status = 422


class ProviderClosed(ProviderError):
    """The provider refuses us, not this request: wrong keys, no permission, or a retired API."""

    status = 503
    title = "Provider unavailable"


class CircuitOpen(ProviderClosed):
    """The provider has refused us so often that it was not asked again."""


class ProviderUnknown(ProviderError):
    """The provider does not know such a task, or not yet."""


class ProviderBusy(ProviderError):
    """Down, slow, rate-limited or over our own budget: the call is worth another try, signed afresh."""

    status = 503
    title = "Provider unavailable"


class ProviderUnreadable(ProviderBusy):
    """It answered something that cannot be read; `body` is what it said."""

    def __init__(self, message: str, body: bytes = b"") -> None:
        super().__init__(message)
        self.body = body


class BudgetSpent(ProviderBusy):
    """Our own budget of calls is used up: the provider was not asked."""


def shown_detail(error: MediarelayError) -> str:
    """What callers may read of an error: only messages that are meant for them."""
    return str(error) if isinstance(error, Rejected | ProviderError) else ""
