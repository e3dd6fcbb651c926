"""Every error that Mediarelay raises on purpose, with its HTTP status.

MediarelayError
├── Rejected                  the caller must change the request            (4xx)
│   ├── Malformed             a field has the wrong form                    400
│   │   ├── UnknownParameter  the route takes no such query parameter       400
│   │   └── UnknownField      the request takes no such field               400
│   ├── NotATask              a callback is about something else            200
│   ├── Unauthenticated       the token is missing or wrong                 401
│   │   ├── RelayStale        a relay's time is too far from ours           401
│   │   ├── RelayUnsigned     a relay has no whole signature                401
│   │   ├── RelayNoMatch      no live secret signed a relay                 401
│   │   └── RelayNonceReused  its signature proved another message          401
│   ├── Forbidden             the caller may not do this                    403
│   │   └── MissingScope      the client's token lacks the scope            403
│   ├── NotFound              the ledger has no such task or song           404
│   │   └── NoRoute           the API has no such path                      404
│   ├── MethodNotAllowed      the path exists, but not with this method     405
│   ├── Conflict              the ledger has something that contradicts it  409
│   │   ├── KeyReused         the key was used for another request          409
│   │   ├── SubmissionSent    it cannot be cancelled: it may have a task    409
│   │   ├── SubmissionCompleted it cannot be cancelled: it has a task       409
│   │   ├── SubmissionRefused it cannot be cancelled: it was refused        409
│   │   ├── NotRedrivable     the queue's messages cannot run again         409
│   │   ├── OnlyCopy          a queue holds what is stored nowhere else     409
│   │   └── PurgedRecently    the queue was purged less than a minute ago   409
│   └── TooLarge              the body exceeds the limit                    413
├── RowUnreadable             an item of the table is damaged               500
├── LedgerUnavailable         the table did not accept the call             503
├── KmsUnavailable            KMS did not encrypt or decrypt                503
├── DecryptionFailed          a stored token can never be decrypted         500
├── SecretUnavailable         a secret is missing or unusable               503
├── SettingUnusable           a setting admits no sender                    503
├── Undelivered               a queue or topic did not accept a message     503
│   └── ServiceDown           whatever the message was                      503
└── ProviderError             the provider gave no usable answer
    ├── ProviderRefused       it would refuse the same call again           422
    ├── ProviderRepeated      it has accepted the same submit before        503
    ├── ProviderClosed        it refuses all our calls                      503
    │   ├── CircuitOpen       so many calls failed that we made none        503
    │   └── NoAccount         we have no keys for it, and made no call      503
    ├── ProviderUnknown       it does not know the task, or not yet         502
    └── ProviderBusy          it is down, slow or throttling: retry         503
        ├── ProviderUnreadable its answer could not be read                 503
        └── BudgetSpent       our call budget is used up: we made no call   503
"""

from collections.abc import Iterator, Sequence


class MediarelayError(Exception):
    """Base class of all errors; `status`, `problem_code` and `title` appear in the HTTP response.

    `problem_code` is stable: clients branch on it. docs/errors.md describes every code that a response can have.
    """

    problem_code = "internal"
    status = 500
    title = "Internal error"


class Rejected(MediarelayError):
    """The caller must change the request before a retry."""

    problem_code = "malformed"
    status = 400
    title = "Bad request"


class Malformed(Rejected):
    """A field has the wrong form; `field` is its dotted path, `reason` what is wrong with it."""

    problem_code = "malformed"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class UnknownParameter(Malformed):
    """The route takes no query parameter of this name."""

    problem_code = "unknown_parameter"


class UnknownField(Malformed):
    """The request takes no field of this name."""

    problem_code = "unknown_field"


class NotATask(Rejected):
    """A callback is about something else than a task. It is kept in quarantine, and the provider gets 200."""

    status = 200
    title = "Accepted"


class Unauthenticated(Rejected):
    """The token is missing or wrong. The message says no more, so that it does not help a forger."""

    problem_code = "unauthenticated"
    status = 401
    title = "Unauthenticated"


class RelayStale(Unauthenticated):
    """The time of a relay is more than five minutes from our clock, or in no known form."""

    problem_code = "relay_stale"


class RelayUnsigned(Unauthenticated):
    """A relay has no signature, or not all parts of one."""

    problem_code = "relay_unsigned"


class RelayNoMatch(Unauthenticated):
    """No live secret made the signature of a relay."""

    problem_code = "relay_no_match"


class RelayNonceReused(Unauthenticated):
    """The signature of a relay has already proved another message."""

    problem_code = "relay_nonce_reused"


class Forbidden(Rejected):
    """The caller may not do this: its address is in no listed network, or its token lacks the scope."""

    problem_code = "address_not_admitted"
    status = 403
    title = "Forbidden"


class MissingScope(Forbidden):
    """The token of the client lacks a scope; `scope` is its name."""

    problem_code = "missing_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"the token lacks the scope {scope}")
        self.scope = scope


class NotFound(Rejected):
    """The ledger has no such task, song, submission or job."""

    problem_code = "not_found"
    status = 404
    title = "Not found"


class NoRoute(NotFound):
    """The API has no such path."""

    problem_code = "no_route"


class MethodNotAllowed(Rejected):
    """The path exists, but not with this method; `allowed` has the methods that it takes."""

    problem_code = "method_not_allowed"
    status = 405
    title = "Method not allowed"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"the path takes {', '.join(allowed)}")
        self.allowed = allowed


class Conflict(Rejected):
    """The request contradicts what the ledger has."""

    problem_code = "conflict"
    status = 409
    title = "Conflict"


class KeyReused(Conflict):
    """The same idempotency key was used for another request."""

    problem_code = "idempotency_key_reused"


class SubmissionSent(Conflict):
    """A submission cannot be cancelled, because the provider may have made its task."""

    problem_code = "submission_sent"


class SubmissionCompleted(Conflict):
    """A submission cannot be cancelled, because it has a task."""

    problem_code = "submission_completed"


class SubmissionRefused(Conflict):
    """A submission cannot be cancelled, because it was refused."""

    problem_code = "submission_refused"


class NotRedrivable(Conflict):
    """The messages of a dead-letter queue cannot be processed again: the schedule or the sweep does their work."""

    problem_code = "not_redrivable"


class OnlyCopy(Conflict):
    """A dead-letter queue holds the only copy of its messages, so it is not purged."""

    problem_code = "only_copy"


class PurgedRecently(Conflict):
    """SQS purges a queue once a minute."""

    problem_code = "purged_recently"


class TooLarge(Rejected):
    """The body exceeds the configured limit."""

    problem_code = "too_large"
    status = 413
    title = "Content too large"


class RowUnreadable(MediarelayError):
    """An item of the table is damaged: an attribute is missing, of another type, or not parsable.

    Attributes:
        row: Its key, for the log and for the store that moves it to `Duty.UNREADABLE`.
        item: Its type, or `unknown` if that cannot be read.
    """

    problem_code = "stored_data_unreadable"
    title = "Stored data unreadable"

    def __init__(self, row: tuple[str, str], item: str, reason: str) -> None:
        super().__init__(f"{' '.join(row)}: {reason}")
        self.row, self.item = row, item


class LedgerUnavailable(MediarelayError):
    """The table did not accept a read or a write. Whether the write was stored is unknown."""

    problem_code = "ledger_unavailable"
    status = 503
    title = "Ledger unavailable"


class KmsUnavailable(MediarelayError):
    """KMS did not encrypt or decrypt a token. Nothing was stored, and no token is shown."""

    problem_code = "kms_unavailable"
    status = 503
    title = "KMS unavailable"


class DecryptionFailed(MediarelayError):
    """The stored bytes were encrypted with another key or context, or are damaged. A retry cannot help."""

    problem_code = "stored_data_unreadable"
    title = "Stored data unreadable"


class SecretUnavailable(MediarelayError):
    """A secret could not be read, or has no usable content."""

    problem_code = "not_ready"
    status = 503
    title = "Not ready"


class SettingUnusable(MediarelayError):
    """The setting that lists the admitted networks has no usable entry, so no sender can be admitted."""

    problem_code = "not_ready"
    status = 503
    title = "Not ready"


class Undelivered(MediarelayError):
    """A queue or a topic did not accept a message. The duty behind the message stays due."""

    problem_code = "not_delivered"
    status = 503
    title = "Not delivered"


class ServiceDown(Undelivered):
    """A queue or a topic did not accept a message, whatever it was, so it will probably not accept the next one."""


class ProviderError(MediarelayError):
    """The provider gave no usable answer; `code` is the provider's code, if it sent one."""

    problem_code = "provider_error"
    status = 502
    title = "Provider refused"

    def __init__(self, message: str, code: int | str | None = None) -> None:
        super().__init__(message)
        self.code = code


class ProviderRefused(ProviderError):
    """The provider would refuse the same call again. Its message says why."""

    problem_code = "provider_refused"
    status = 422


class ProviderRepeated(ProviderError):
    """The provider has accepted the same submit before, and does not say as which task."""

    problem_code = "provider_unavailable"
    status = 503
    title = "Provider unavailable"


class ProviderClosed(ProviderError):
    """The provider refuses all our calls: the keys are wrong, lack a permission, or the API was retired."""

    problem_code = "provider_unavailable"
    status = 503
    title = "Provider unavailable"


class CircuitOpen(ProviderClosed):
    """So many calls failed that the circuit breaker prevented this one.

    `is_refused` says whether the provider refused them. If not, it did not answer.
    """

    def __init__(self, message: str, *, is_refused: bool = True) -> None:
        super().__init__(message)
        self.is_refused = is_refused


class NoAccount(ProviderClosed):
    """The secret has no keys for the provider, so it was not called."""


class ProviderUnknown(ProviderError):
    """The provider does not know the task, or not yet."""


class ProviderBusy(ProviderError):
    """The provider is down, slow or throttling, or our call budget is used up. A retry needs a new signature.

    `is_outage` says whether the provider did not answer at all: no connection, no end of its answer, or HTTP 5xx.
    """

    problem_code = "provider_unavailable"
    status = 503
    title = "Provider unavailable"

    def __init__(self, message: str, code: int | str | None = None, *, is_outage: bool = False) -> None:
        super().__init__(message, code)
        self.is_outage = is_outage


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


def error_types(kind: type[MediarelayError] = MediarelayError) -> Iterator[type[MediarelayError]]:
    """Yield a class of this module and all that inherit from it."""
    yield kind
    for child in kind.__subclasses__():
        # The signing modules derive errors of their own, which no response of the API shows.
        if child.__module__ == __name__:
            yield from error_types(child)


def problem_codes() -> list[str]:
    """Return every code that a problem can have, sorted."""
    return sorted({kind.problem_code for kind in error_types()})
