"""Where an object lives: its bucket, its key, and the URLs that name it.

Callers escape a URL once, and `parse_url` decodes it once. The engine prints URLs and names raw, as the provider's
examples do (docs/engine.md).
"""

from dataclasses import dataclass

from mediarelay.domain.tasks import file_url
from mediarelay.errors import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One bucket of one account in one region."""

    app_id: int
    bucket: str
    region: str

    @property
    def host(self) -> str:
        """The virtual host of the bucket."""
        return file_url.bucket_host(self.app_id, self.bucket, self.region)

    def url(self, path: str) -> str:
        """Print the URL of an object as the provider does. `path` begins with a slash and is not escaped."""
        return f"http://{self.host}{path}"

    def name(self, path: str) -> str:
        """Print the `name` of an object as the provider does. `path` begins with a slash."""
        return f"/{self.app_id}/{self.bucket}{path}"


def parse_host(host: str) -> Place | None:
    """Parse a bucket's virtual host, with or without a port. Return None for any other host."""
    name, colon, port = host.partition(":")
    bucket = file_url.parse_host(name)
    if bucket is None or (colon and not port.isdecimal()):
        return None
    app_id, name, region = bucket
    return Place(app_id=app_id, bucket=name, region=file_url.short_region(region))


def parse_url(url: str) -> tuple[Place, str]:
    """Split the URL of a file, escaped once, into its bucket and its key. Raises `Malformed` (`url`)."""
    file = file_url.parse_url(url)
    return Place(app_id=file.app_id, bucket=file.bucket, region=file.region), file.key


def checked_key(key: str) -> str:
    """Return an unescaped object key. Raises `Malformed` (`key`) if no object can have it."""
    if flaw := file_url.key_flaw(key):
        raise Malformed("key", flaw)
    return key
