"""POST /callbacks/music: store what a game server relays of ZEGO's results."""

from typing import Any

from mediarelay.aws_lambda.observability import observed
from mediarelay.aws_lambda.raw_http import Event, Response, raw_body, respond, with_problems
from mediarelay.usecases.songs.receive import SongReceipt
from mediarelay.wiring.relays import relay_endpoint

ENDPOINT = relay_endpoint()


def relay_receipt(receipt: SongReceipt) -> dict[str, Any]:
    """Return the answer to one relay."""
    key = receipt.relay.key
    about = {"room_id": key.room, "song_id": key.song, "vendor_id": key.vendor, "type": key.type.value}
    return about | {"accepted": True, "duplicate": receipt.duplicate}


@observed
@with_problems
def handler(event: Event, _context: Any) -> Response:
    """Answer `{"results"}`, one for each relay in its order."""
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    address = event["requestContext"]["http"]["sourceIp"]
    receipts = ENDPOINT.receive(headers, address, lambda: raw_body(event))
    return respond(200, {"results": [relay_receipt(receipt) for receipt in receipts]})
