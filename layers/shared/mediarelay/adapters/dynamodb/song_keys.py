"""The keys of songs in the table.

pk           sk                                     item
ROOM#{room}  RELAY#{song}#{vendor}#{type}#{digest}  one relay
ROOM#{room}  LEASE#{song}#{vendor}#{type}           the lease's bookkeeping
NONCE#{sha}  NONCE                                  a signature by ZEGO's rule that was used

Room and song are percent-encoded, since they may hold `#`.
"""

from hashlib import sha256
from urllib.parse import quote, unquote

from mediarelay.adapters.dynamodb.codec import Row
from mediarelay.adapters.dynamodb.keys import Key, after_prefix
from mediarelay.domain.songs.model import SongKey, SongType

RELAY, LEASE = "RELAY", "LEASE"


def room_partition(room: str) -> str:
    """The partition of a room: all its relays and leases."""
    return f"ROOM#{quote(room, safe='')}"


def song_name(song: SongKey) -> str:
    """Return what names a song within its room's partition."""
    return f"{song_prefix(song.song)}{song.vendor}#{song.type}"


def song_prefix(song: str) -> str:
    """Return what the names of all vendors' and types' leases of one song begin with."""
    return f"{quote(song, safe='')}#"


def relay_key(song: SongKey, digest: str) -> Key:
    """The key of a relay. The digest in it makes a repeat the same item."""
    return Key(room_partition(song.room), f"{RELAY}#{song_name(song)}#{digest}")


def lease_key(song: SongKey) -> Key:
    """The key of a lease's bookkeeping."""
    return Key(room_partition(song.room), f"{LEASE}#{song_name(song)}")


def nonce_key(nonce: str) -> Key:
    """The key of a used nonce. Senders choose its text, so it is stored as a digest."""
    return Key(f"NONCE#{sha256(nonce.encode('utf-8', 'surrogatepass')).hexdigest()}", "NONCE")


def song_of_key(row: Row) -> SongKey:
    """Read the song from the key of a relay or a lease; raises ValueError for any other key."""
    pk, sk = Key.of(row)
    kind, song, vendor, song_type, *_ = sk.split("#")
    if kind not in {RELAY, LEASE} or not pk.startswith(room_partition("")):
        raise ValueError("the key of neither a relay nor a lease")
    return SongKey(unquote(after_prefix(pk)), unquote(song), int(vendor), SongType(song_type))
