"""POST /callbacks/music: store ZEGO's results, which a game server relays."""

from typing import Any

from mediarelay.aws_lambda.observability import observed
from mediarelay.aws_lambda.raw_http import Event, Response, raw_body, respond, with_problems
from mediarelay.usecases.songs.receive import SongReceipt
from mediarelay.wiring.relays import relay_endpoint

ENDPOINT = relay_endpoint()


def relay_receipt(receipt: SongReceipt) -> dict[str, Any]:
    """Return the answer to one relay: its key, and whether it is a duplicate."""
    key = receipt.relay.key
    about = {"room_id": key.room, "song_id": key.song, "vendor_id": key.vendor, "type": key.type.value}
    return about | {"accepted": True, "duplicate": receipt.duplicate}


@observed
@with_problems
def handler(event: Event, _context: Any) -> Response:
    """Return `{"results"}`, one for each relay in the order of the message."""
    # HTTP ignores the case of header names. The headers of a signature are looked up in lower case.
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    address = event["requestContext"]["http"]["sourceIp"]
    receipts = ENDPOINT.receive(headers, address, lambda: raw_body(event))
    return respond(200, {"results": [relay_receipt(receipt) for receipt in receipts]})
