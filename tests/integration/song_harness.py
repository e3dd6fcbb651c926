"""The use cases about songs as the composition root builds them; relays are signed and posted as bytes."""

import base64
import json
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from mediarelay.adapters.aws import client
from mediarelay.domain.due import Duty
from mediarelay.domain.songs.model import SongKey, SongType
from mediarelay.signing.standard_webhooks import sign
from mediarelay.signing.zego import callback_signature
from mediarelay.usecases.songs.receive import SongReceipt
from mediarelay.wiring.publishers import song_publisher
from mediarelay.wiring.relays import relay_endpoint
from mediarelay.wiring.song_store import kms_cipher
from mediarelay.wiring.songs import song_reader
from tests.integration.deployment import Deployment
from tests.integration.doubles import Clock, Secret, topic
from tests.integration.stores import Stores
from tests.integration.views import SongViews

API = "https://api.example"
PAYLOADS = Path(__file__).parents[1] / "contract" / "payloads" / "zego"
WEBHOOK = "whsec_" + base64.b64encode(b"a secret of the game server").decode()
CALLBACK = "a-callback-secret"
KEY = SongKey("room 1", "104008", 1, SongType.ACCOMPANIMENT)
NUMBERS = count(1)


def result(name: str = "accompaniment", **changes: Any) -> dict[str, Any]:
    """One of ZEGO's results, as a request of its own."""
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
    return found | {"request_id": f"r{next(NUMBERS)}", "data": found.get("data", {}) | changes}


def relay(of: Any = None, **fields: Any) -> dict[str, Any]:
    """A relay of a result; every one of them is new."""
    return {"room_id": KEY.room, "vendor_id": KEY.vendor, "result": of if of is not None else result()} | fields


def kms_key() -> str:
    """The account's key; moto takes a tenth of a second to make one."""
    found = client("kms").list_keys()["Keys"] or [client("kms").create_key()["KeyMetadata"]]
    return str(found[0]["KeyId"])


class SongHarness:
    """The use cases of songs; settings by their names. The clock, the secret and the topic are doubles."""

    def __init__(self, table: str, **settings: object) -> None:
        self.clock, self.topic, self.table = Clock(), topic(), table
        self.secrets = Secret({"webhook_secrets": f"whsec_b3RoZXI= {WEBHOOK}", "callback_secrets": f"other {CALLBACK}"})
        deployment = Deployment(
            clock=self.clock, queues={"Notifications": self.topic}, secrets={"MusicSecret": self.secrets}
        )
        defaults = {"music_source_cidrs": "192.0.2.0/24", "song_token_key_id": kms_key(), "api_url": API}
        with deployment.building(table_name=table, **defaults | settings):
            self.stores = Stores()
            self.cipher = kms_cipher()
            self.publisher = song_publisher()
            self.reader = SongViews(song_reader())
            self.receiver = relay_endpoint()

    def post(self, body: bytes, headers: dict[str, str] | None = None, address: str = "192.0.2.1") -> list[SongReceipt]:
        """Receive a message exactly as it is."""
        return self.receiver.receive(headers or {}, address, lambda: body)

    def webhook(self, message: Any, *, sent: datetime | None = None, secret: str = WEBHOOK) -> list[SongReceipt]:
        """Receive a message with the headers of Standard Webhooks."""
        body, timestamp = json.dumps(message).encode(), str(int((sent or self.clock()).timestamp()))
        return self.post(body, headers("msg", timestamp, sign(secret, "msg", timestamp, body)))

    def zego(self, message: dict[str, Any], nonce: str | int = "1", *, secret: str = CALLBACK) -> list[SongReceipt]:
        """Receive a message with ZEGO's signature fields."""
        timestamp = int(self.clock().timestamp())
        proof = {"signature": callback_signature(secret, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}
        return self.post(json.dumps(message | proof).encode())

    def follow(self, key: SongKey = KEY) -> list[str]:
        """What stream and sweep do."""
        return [event.type.value for event in self.publisher.publish_due(key)]

    def sweep(self) -> list[str]:
        """Follow every song that is due; returns what was said."""
        rows = list(self.stores.due_index.waiting(Duty.SONG, self.clock()))
        return [said for row in rows for said in self.follow(row.subject_as(SongKey))]

    def song(self, *, tokens: bool = False) -> dict[str, Any]:
        """What a client reads of the song."""
        (found,) = self.reader.song(KEY.room, KEY.song, tokens=tokens)["songs"]
        view: dict[str, Any] = found
        return view

    def said(self) -> list[str]:
        """What subscribers received."""
        return [message["type"].rpartition(".")[2] for message in self.topic.messages]


def headers(message: str, timestamp: str, signature: str) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    return {"webhook-id": message, "webhook-timestamp": timestamp, "webhook-signature": signature}
