"""Which file a URL names."""

from urllib.parse import unquote, urlsplit

COS_DOMAIN = ".myqcloud.com"


def file_named(url: str) -> str:
    """Reduce a URL to the file it names, `owner/path?query`; a text that is no URL stands for itself."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    query = f"?{unquote(parts.query)}" if parts.query else ""
    return f"{_owner(parts.netloc.lower())}{unquote(parts.path)}{query}"


def _owner(host: str) -> str:
    """Reduce a bucket's host to `bucket-app_id`."""
    return host.partition(".")[0] if host.endswith(COS_DOMAIN) else host
