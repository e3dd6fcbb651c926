"""POST /callbacks/music: store what a game server relays of ZEGO's results."""

from typing import Any

from mediarelay.aws_lambda.observability import observed
from mediarelay.http import Event, Response, answering, raw_body, respond
from mediarelay.usecases.songs.receive import SongReceipt
from mediarelay.wiring.relays import relay_endpoint

ENDPOINT = relay_endpoint()


def told(receipt: SongReceipt) -> dict[str, Any]:
    """What a game server is told of one relay."""
    key = receipt.relay.key
    about = {"room_id": key.room, "song_id": key.song, "vendor_id": key.vendor, "type": key.type.value}
    return about | {"accepted": True, "duplicate": receipt.duplicate}


@observed
@answering
def handler(event: Event, _context: Any) -> Response:
    """Answer `{"results"}`, one for each relay in its order."""
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    address = event["requestContext"]["http"]["sourceIp"]
    receipts = ENDPOINT.receive(headers, address, lambda: raw_body(event))
    return respond(200, {"results": [told(receipt) for receipt in receipts]})
