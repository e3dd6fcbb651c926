"""The keys of songs in the table.

pk           sk                                     item
ROOM#{room}  RELAY#{song}#{vendor}#{type}#{digest}  one relay
ROOM#{room}  LEASE#{song}#{vendor}#{type}           the lease's bookkeeping
NONCE#{sha}  NONCE                                  a used nonce of a ZEGO signature

Room and song are percent-encoded, because they may contain `#`.
"""

from hashlib import sha256
from urllib.parse import quote, unquote

from mediarelay.adapters.dynamodb.codec import Row
from mediarelay.adapters.dynamodb.keys import Key, after_prefix
from mediarelay.domain.songs.model import SongKey, SongType

RELAY, LEASE = "RELAY", "LEASE"


def room_partition(room: str) -> str:
    """Return the partition of a room, which holds all its relays and leases."""
    return f"ROOM#{quote(room, safe='')}"


def song_name(song: SongKey) -> str:
    """Return the name of a song within its room's partition."""
    return f"{song_prefix(song.song)}{song.vendor}#{song.type}"


def song_prefix(song: str) -> str:
    """Return the common prefix of the names of one song, for all vendors and types."""
    return f"{quote(song, safe='')}#"


def relay_key(song: SongKey, digest: str) -> Key:
    """Return the key of a relay."""
    # With the digest of its content in the key, a repeated relay is the same item and is stored once.
    return Key(room_partition(song.room), f"{RELAY}#{song_name(song)}#{digest}")


def lease_key(song: SongKey) -> Key:
    """Return the key of a lease's bookkeeping."""
    return Key(room_partition(song.room), f"{LEASE}#{song_name(song)}")


def nonce_key(nonce: str) -> Key:
    """Return the key of a used nonce."""
    # Senders choose the text, which may be too long for a key. Its digest is not.
    return Key(f"NONCE#{sha256(nonce.encode('utf-8', 'surrogatepass')).hexdigest()}", "NONCE")


def song_of_key(row: Row) -> SongKey:
    """Read the song from the key of a relay or a lease; raise ValueError for any other key."""
    pk, sk = Key.of(row)
    kind, song, vendor, song_type, *_ = sk.split("#")
    if kind not in {RELAY, LEASE} or not pk.startswith(room_partition("")):
        raise ValueError("sk: not the key of a relay or a lease")
    return SongKey(unquote(after_prefix(pk)), unquote(song), int(vendor), SongType(song_type))
