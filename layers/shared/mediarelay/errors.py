"""Every error that Mediarelay raises on purpose, with its HTTP status.

MediarelayError
├── Rejected                  the caller must change the request            (4xx)
│   ├── Malformed             a field has the wrong form                    400
│   ├── NotATask              a callback is about something else            200
│   ├── Unauthenticated       the token is missing or wrong                 401
│   ├── Forbidden             the caller may not do this                    403
│   │   └── MissingScope      the client's token lacks the scope            403
│   ├── NotFound              the ledger has no such task or song           404
│   ├── Conflict              the key was used for another request          409
│   │   └── NotCancellable    the submission has a task, or may have one    409
│   └── TooLarge              the body exceeds the limit                    413
├── RowUnreadable             an item of the table is damaged               500
├── LedgerUnavailable         the table did not accept the call             503
├── KmsUnavailable            KMS did not encrypt or decrypt                503
├── DecryptionFailed          a stored token can never be decrypted         500
├── SecretUnavailable         a secret is missing or unusable               503
├── SettingUnusable           a setting admits no sender                    503
├── Undelivered               a queue or topic did not accept a message     503
└── ProviderError             the provider gave no usable answer
    ├── ProviderRefused       it would refuse the same call again           422
    ├── ProviderRepeated      it has accepted the same submit before        503
    ├── ProviderClosed        it refuses all our calls                      503
    │   ├── CircuitOpen       it refused so often that we made no call      503
    │   └── NoAccount         we have no keys for it, and made no call      503
    ├── ProviderUnknown       it does not know the task, or not yet         502
    └── ProviderBusy          it is down, slow or throttling: retry         503
        ├── ProviderUnreadable its answer could not be read                 503
        └── BudgetSpent       our call budget is used up: we made no call   503
"""


class MediarelayError(Exception):
    """Base class of all errors; `status` and `title` appear in the HTTP response."""

    status = 500
    title = "Internal error"


class Rejected(MediarelayError):
    """The caller must change the request before a retry."""

    status = 400
    title = "Bad request"


class Malformed(Rejected):
    """A field has the wrong form; `field` is its dotted path, `reason` what is wrong with it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class NotATask(Rejected):
    """A callback is about something else than a task. It is kept in quarantine, and the provider gets 200."""

    status = 200
    title = "Accepted"


class Unauthenticated(Rejected):
    """The token is missing or wrong. The message says no more, so that it does not help a forger."""

    status = 401
    title = "Unauthenticated"


class Forbidden(Rejected):
    """The caller may not do this: its address is in no listed network, or its token lacks the scope."""

    status = 403
    title = "Forbidden"


class MissingScope(Forbidden):
    """The token of the client lacks a scope; `scope` is its name."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"the token lacks the scope {scope}")
        self.scope = scope


class NotFound(Rejected):
    """The ledger has no such task, song, submission or job."""

    status = 404
    title = "Not found"


class Conflict(Rejected):
    """The same idempotency key was used for another request."""

    status = 409
    title = "Conflict"


class NotCancellable(Conflict):
    """A submission can no longer be cancelled.

    `code` says why: `submission_completed`, `submission_sent` or `submission_refused`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TooLarge(Rejected):
    """The body exceeds the configured limit."""

    status = 413
    title = "Content too large"


class RowUnreadable(MediarelayError):
    """An item of the table is damaged: an attribute is missing, of another type, or not parsable.

    Attributes:
        row: Its key, for the log and for the store that moves it to `Duty.UNREADABLE`.
        item: Its type, or `unknown` if that cannot be read.
    """

    title = "Stored data unreadable"

    def __init__(self, row: tuple[str, str], item: str, reason: str) -> None:
        super().__init__(f"{' '.join(row)}: {reason}")
        self.row, self.item = row, item


class LedgerUnavailable(MediarelayError):
    """The table did not accept a read or a write. Whether the write was stored is unknown."""

    status = 503
    title = "Ledger unavailable"


class KmsUnavailable(MediarelayError):
    """KMS did not encrypt or decrypt a token. Nothing was stored, and no token is shown."""

    status = 503
    title = "KMS unavailable"


class DecryptionFailed(MediarelayError):
    """The stored bytes were encrypted with another key or context, or are damaged. A retry cannot help."""

    title = "Stored data unreadable"


class SecretUnavailable(MediarelayError):
    """A secret could not be read, or has no usable content."""

    status = 503
    title = "Not ready"


class SettingUnusable(MediarelayError):
    """The setting that lists the admitted networks has no usable entry, so no sender can be admitted."""

    status = 503
    title = "Not ready"


class Undelivered(MediarelayError):
    """A queue or a topic did not accept a message. The duty behind the message stays due."""

    status = 503
    title = "Not delivered"


class ProviderError(MediarelayError):
    """The provider gave no usable answer; `code` is the provider's code, if it sent one."""

    status = 502
    title = "Provider refused"

    def __init__(self, message: str, code: int | str | None = None) -> None:
        super().__init__(message)
        self.code = code


class ProviderRefused(ProviderError):
    """The provider would refuse the same call again. Its message says why."""

    status = 422


class ProviderRepeated(ProviderError):
    """The provider has accepted the same submit before, and does not say as which task."""

    status = 503
    title = "Provider unavailable"


class ProviderClosed(ProviderError):
    """The provider refuses all our calls: the keys are wrong, lack a permission, or the API was retired."""

    status = 503
    title = "Provider unavailable"


class CircuitOpen(ProviderClosed):
    """The provider has refused us so often that the circuit breaker prevented the call."""


class NoAccount(ProviderClosed):
    """The secret has no keys for the provider, so it was not called."""


class ProviderUnknown(ProviderError):
    """The provider does not know the task, or not yet."""


class ProviderBusy(ProviderError):
    """The provider is down, slow or throttling, or our call budget is used up. A retry needs a new signature."""

    status = 503
    title = "Provider unavailable"


class ProviderUnreadable(ProviderBusy):
    """The provider's answer could not be read; `body` is the answer, or its beginning."""

    def __init__(self, message: str, body: bytes = b"") -> None:
        super().__init__(message)
        self.body = body


class BudgetSpent(ProviderBusy):
    """Our own call budget is used up, so the provider was not called."""


def shown_detail(error: MediarelayError) -> str:
    """Return the message of an error if it is meant for callers, otherwise an empty string."""
    # The messages of other errors name AWS errors, keys of items and settings.
    return str(error) if isinstance(error, Rejected | ProviderError) else ""
