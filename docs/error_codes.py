"""Describe the codes of errors for `docs/errors.md`: what each means, and what the caller can do."""

from http import HTTPStatus
from itertools import groupby

from mediarelay.errors import error_types

# A code without an entry, and an entry without a code, fail the generator.
ADVICE = {
    "address_not_admitted": (
        "The sender's address is in no network of `CallbackSourceCidrs` or `MusicSourceCidrs`.",
        "Send from an admitted network, or ask the operator to add yours.",
    ),
    "conflict": ("The request contradicts what the ledger has.", "`detail` names the contradiction."),
    "idempotency_key_reused": (
        "The `Idempotency-Key` was used before, for a request with other values.",
        "Send a new key. To learn what became of the first request, repeat it without a change.",
    ),
    "internal": (
        "Mediarelay has a bug, or met something that it does not expect.",
        "Retry once. If it fails again, give the operator the `request_id`: the log has the stack trace.",
    ),
    "kms_unavailable": (
        "KMS did not encrypt or decrypt the tokens of a song. Nothing was stored.",
        "Retry after `Retry-After`.",
    ),
    "ledger_unavailable": (
        "DynamoDB did not accept a read or a write. Whether a write was stored is unknown.",
        "Retry the same request after `Retry-After`; a submit with the same key is made once.",
    ),
    "malformed": (
        "A field, a parameter, a header or the body has the wrong form. `field` names it; `detail` says why.",
        "Correct the field. A retry without a change fails again.",
    ),
    "method_not_allowed": (
        "The path exists, but not with this method.",
        "Use a method that the header `Allow` lists.",
    ),
    "missing_scope": (
        "The token is live, but lacks the scope that `scope` names.",
        "Use another token, or ask the operator to add the scope to your client.",
    ),
    "not_redrivable": (
        "The messages of this dead-letter queue cannot be processed again: a schedule or the sweep does their work.",
        "Look at the messages, then purge the queue.",
    ),
    "only_copy": (
        "The queue holds callbacks that are stored nowhere else, so the API does not purge it.",
        "Redrive the messages. To lose them on purpose, purge the queue with AWS's own tools.",
    ),
    "purged_recently": ("SQS purges a queue at most once a minute.", "Repeat the request a minute later."),
    "no_route": ("The API has no such path.", "Compare the path with the [routes](api.md#routes)."),
    "not_delivered": (
        "A queue or the topic did not accept a message. The work behind the message stays due.",
        "Retry after `Retry-After`.",
    ),
    "not_found": (
        "The ledger has no such task, song, or other thing that the path names.",
        "Check the id. A task of a 202 has none yet.",
    ),
    "not_ready": (
        "A secret or a setting of the deployment is missing or unusable.",
        "Retry after `Retry-After`. The operator gets an alarm.",
    ),
    "provider_error": ("The provider gave an answer that fits no other code.", "Retry; `detail` has its message."),
    "provider_refused": (
        "The provider refused the request and would refuse it again. `detail` has its code and message.",
        "Correct what the provider names, then send the request with a new key.",
    ),
    "provider_unavailable": (
        "The provider is down, slow, refuses all our calls, or our call budget is used up.",
        "Retry after `Retry-After`.",
    ),
    "relay_no_match": (
        "No live secret made the signature of the relay: the body, its id, its time or the secret differs.",
        "Sign the bytes that you send, with a secret of `MusicSecret`.",
    ),
    "relay_nonce_reused": (
        "The signature has already proved another message.",
        "Use a new nonce and a new signature for each message. Repeat a message without a change.",
    ),
    "relay_stale": (
        "The time of the relay is more than five minutes from Mediarelay's clock, or no count of (milli)seconds.",
        "Correct the clock of the sender, and sign again before each attempt.",
    ),
    "relay_unsigned": (
        "The relay has no signature, or not all parts of one.",
        "Send all of `webhook-id`, `webhook-timestamp` and `webhook-signature`, or ZEGO's three fields.",
    ),
    "stored_data_unreadable": (
        "A stored item is damaged, or was encrypted with another key.",
        "A retry cannot help. The operator gets an alarm.",
    ),
    "submission_completed": (
        "The submission cannot be cancelled, because it has a task.",
        "Read the task; `vid` of the submission names it.",
    ),
    "submission_refused": (
        "The submission cannot be cancelled, because the provider refused it, or never answered.",
        "Nothing is left to cancel; `reason` of the submission says more.",
    ),
    "submission_sent": (
        "The submission cannot be cancelled: it was sent to the provider, which may have made a task.",
        "Follow the submission until it is completed or refused.",
    ),
    "too_large": ("The body exceeds the limit that `detail` names.", "Send less."),
    "unauthenticated": (
        "The path token of a callback is missing or wrong, or its signature is. The answer does not say which.",
        "Compare the URL at the provider with the live tokens of `CallbackTokens`.",
    ),
    "unknown_field": (
        "The request takes no field of the name in `field`.",
        "Remove it, or correct its spelling.",
    ),
    "unknown_parameter": (
        "The route takes no query parameter of the name in `field`.",
        "Remove it, or correct its spelling.",
    ),
}


def sections() -> str:
    """Return a table of all codes and a section for each. Raises ValueError if a code lacks an entry."""
    codes = statuses()
    if differ := codes.keys() ^ ADVICE.keys():
        raise ValueError(f"docs/error_codes.py and errors.py have different codes: {', '.join(sorted(differ))}")
    rows = [f"| [{code}](#{code}) | {status} |" for code, status in codes.items()]
    parts = [f"## {code}\n\n{status}. {' '.join(ADVICE[code])}" for code, status in codes.items()]
    return "\n\n".join(["\n".join(["| code | status and title |", "| --- | --- |", *rows]), *parts])


def statuses() -> dict[str, str]:
    """Return the statuses and titles of each code, sorted by code."""
    # A class that answers 200 is no error for the caller.
    shown = {
        (kind.problem_code, f"{kind.status} {kind.title}")
        for kind in error_types()
        if kind.status >= HTTPStatus.BAD_REQUEST
    }
    found = groupby(sorted(shown), key=lambda one: one[0])
    return {code: ", ".join(status for _, status in group) for code, group in found}
