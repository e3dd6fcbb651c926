"""ZEGO's error codes: the class of each error, and advice on what to do about it.

The codes of the client SDK are 1017xxx. The JSON of a result may contain a raw code of the service instead, and the
server API adds 320000000 to a raw code. A code that is not listed keeps its number.
"""

from dataclasses import dataclass
from enum import StrEnum

# The server API adds this to the codes of the service.
SERVER_API = 320_000_000
# A result that states success without any resources. ZEGO sends 0 for success, so it is free for this error of ours.
EMPTY = 0


class ErrorClass(StrEnum):
    """How a client should react to an error."""

    RETRY = "retry"
    WAIT = "wait"
    ACQUIRE_AGAIN = "acquire_again"
    SHARE_FIRST = "share_first"
    USE_WHAT_YOU_HAVE = "use_what_you_have"
    PERMANENT = "permanent"
    FIX = "fix"
    INFORMATION = "information"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ZegoError:
    """One error of ZEGO.

    Attributes:
        code: The code of the client SDK; `raw` if the SDK has none.
        raw: The code that was sent.
    """

    code: int
    raw: int
    kind: ErrorClass
    advice: str


_C = ErrorClass
ERRORS: dict[int, tuple[ErrorClass, str]] = {
    EMPTY: (_C.PERMANENT, "The result says success and holds no resources: choose another song, or another vendor."),
    1008009: (
        _C.ACQUIRE_AGAIN,
        "The token has expired: log in to the room again, then request the song again (billed).",
    ),
    1008011: (
        _C.ACQUIRE_AGAIN,
        "The token is not valid: log in to the room again, then request the song again (billed).",
    ),
    1017000: (_C.FIX, "The command of the extended request is empty: pass one."),
    1017001: (_C.FIX, "The parameters of the extended request are empty: pass them."),
    1017002: (_C.FIX, "The song_id is empty: pass one."),
    1017003: (_C.FIX, "The share_token is empty: pass the one that requestResource gave."),
    1017004: (_C.FIX, "The resource_id is empty: pass the one that this very SDK instance was given."),
    1017005: (_C.FIX, "The start position is outside the song: pass one between 0 and its duration."),
    1017006: (_C.FIX, "The position is outside the song: pass one between 0 and its duration."),
    1017007: (_C.FIX, "The volume is out of range: pass 0 to 200."),
    1017008: (_C.FIX, "The krc_token is empty: pass the one that the resource came with."),
    1017009: (_C.FIX, "The music module could not authenticate: set the AppSign, or log in to the room first."),
    1017010: (_C.RETRY, "ZEGO's music service did not answer: try again, waiting longer each time."),
    1017011: (_C.INFORMATION, "The device's disk is full: free some space."),
    1017012: (_C.WAIT, "The same resource is being downloaded: wait until that has ended."),
    1017013: (_C.RETRY, "The downloaded file is gone: download it again."),
    1017014: (_C.ACQUIRE_AGAIN, "The downloaded file has expired: request the song again (billed)."),
    1017015: (_C.RETRY, "The downloaded file is damaged: download it again."),
    1017016: (_C.INFORMATION, "The download was cancelled: nothing to do."),
    1017018: (
        _C.ACQUIRE_AGAIN,
        "This resource_id belongs to another SDK instance: request or share the song here (billed).",
    ),
    1017019: (_C.ACQUIRE_AGAIN, "The resource has expired: request the song again (billed)."),
    1017020: (_C.FIX, "This resource does not allow that call: pass the resource_id of the right type."),
    1017030: (_C.PERMANENT, "There is no licence for this song: choose another one."),
    1017031: (_C.PERMANENT, "The song may be played but not sung: choose another one."),
    1017032: (_C.FIX, "There is no monthly membership: subscribe, or bill by count."),
    1017033: (_C.PERMANENT, "The song has no accompaniment: choose another one."),
    1017034: (_C.PERMANENT, "There is no such resource: choose another song."),
    1017040: (_C.FIX, "A parameter is wrong: check what the call was given."),
    1017041: (_C.FIX, "This AppID may not use licensed music: have ZEGO enable it."),
    1017042: (_C.FIX, "The billing mode is wrong: pass one that the account has."),
    1017043: (_C.FIX, "A monthly member asked by count: pass the monthly billing mode."),
    1017044: (_C.ACQUIRE_AGAIN, "The share token has expired: a member must request the song again (billed)."),
    1017045: (_C.FIX, "The share token is not one: pass it exactly as it was given."),
    1017046: (_C.FIX, "The krc_token is not one: pass it exactly as it was given."),
    1017047: (_C.ACQUIRE_AGAIN, "The krc_token has expired: request the song again (billed)."),
    1017048: (_C.RETRY, "The lyrics could not be got: try again later."),
    1017049: (_C.PERMANENT, "There are no pitch data for this song: go on without them."),
    1017050: (_C.SHARE_FIRST, "No member shares this song in the room: a member must request it first (billed)."),
    1017051: (_C.USE_WHAT_YOU_HAVE, "This song was got already in this room: use that resource."),
    1017052: (_C.FIX, "This vendor is not enabled: have ZEGO enable it, or pass another vendor."),
    1017053: (_C.FIX, "This vendor does not offer that: pass another vendor."),
    1017054: (_C.FIX, "No user is logged in to that room: pass the id of the joined room."),
    1017071: (_C.FIX, "There is no such vendor: pass 0, 1, 2 or 4."),
    1017072: (_C.PERMANENT, "This vendor does not have that song: choose another song or vendor."),
    1017073: (_C.FIX, "The owner's id is missing: pass it when the room's owner is billed."),
    1017074: (_C.FIX, "The page is wrong: begin with 1."),
    1017075: (_C.PERMANENT, "There are no pitch data for this song: go on without them."),
    1017076: (_C.FIX, "The scene is wrong: pass one that the account has."),
    1017077: (_C.FIX, "There is no such chart: pass an id that ZEGO lists."),
    1017094: (_C.FIX, "The app lacks the music library: add it to the build."),
    1017095: (_C.FIX, "The music module does not offer that on this platform: use another call."),
    1017096: (_C.FIX, "The music module was not initialised: call initCopyrightedMusic first."),
    1017097: (_C.RETRY, "ZEGO's service is busy: try again, waiting longer each time."),
    1017098: (_C.RETRY, "The network failed: try again, waiting longer each time."),
    1017099: (_C.RETRY, "Something failed inside ZEGO: try once more, then ask ZEGO."),
}
# Codes of the service, each with the code of the client SDK for the same error.
SERVICE_CODES = {
    4: 1017040,
    5: 1017099,
    6: 1017099,
    10: 1017099,
    10000: 1017041,
    10001: 1017042,
    10002: 1017043,
    10003: 1017044,
    10005: 1017045,
    10006: 1017042,
    10007: 1017046,
    10008: 1017047,
    10009: 1017048,
    10011: 1017050,
    10012: 1017051,
    10013: 1017052,
    10014: 1017053,
    40001: 1017071,
    40002: 1017041,
    40003: 1017073,
    40004: 1017072,
    40005: 1017074,
    40006: 1017075,
    40007: 1017076,
    40008: 1017077,
    100000: 1017099,
    100002: 1017097,
}
# No member of the room shares the song any more, so the right to share has ended.
SHARE_ENDED = 1017050
# Without pitch data, the room can still use everything else of a song.
NO_PITCH = frozenset({1017049, 1017075})


def zego_error(raw: int) -> ZegoError:
    """Return the error of a code of any family; 0 stands for a success without resources."""
    service = raw - SERVER_API if raw >= SERVER_API else raw
    code = SERVICE_CODES.get(service, service)
    kind, advice = ERRORS.get(code, (ErrorClass.UNKNOWN, f"Code {raw} is not documented: ask ZEGO what it means."))
    return ZegoError(code, raw, kind, advice)
