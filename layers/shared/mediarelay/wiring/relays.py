"""Relays of game servers: the endpoint that accepts them."""

from functools import cache

from mediarelay.adapters.dynamodb.quarantine import QuarantineStore
from mediarelay.usecases.relay_secrets import music_secrets
from mediarelay.usecases.songs.receive import RelayEndpoint
from mediarelay.wiring import base
from mediarelay.wiring.access import source_networks
from mediarelay.wiring.song_store import kms_cipher, song_store


@cache
def relay_endpoint() -> RelayEndpoint:
    """Return the endpoint that accepts relays."""
    return RelayEndpoint(
        songs=song_store(),
        quarantine=QuarantineStore(base.table()),
        cipher=kms_cipher(),
        secrets=base.early_secret("MusicSecret", base.settings().music_secret, music_secrets),
        networks=source_networks("music_source_cidrs"),
        clock=base.now,
    )
