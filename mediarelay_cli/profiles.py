"""Profiles: which stack the command line talks to, and with which credentials.

A profile is a section of `~/.config/mediarelay/profiles.ini` (`MEDIARELAY_CONFIG` names another file):

    [default]
    stack = mediarelay            the API's URL comes from the outputs of this CloudFormation stack
    region = eu-west-1
    aws_profile = production      a profile of the AWS CLI; by default boto3's usual search
    token = ...                   the bearer token of an API client

`api_url` replaces `stack` for people without AWS credentials. `make up` writes the profile `local` into its own folder.
"""

from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass, fields, replace
from pathlib import Path

from mediarelay_cli.errors import CliError, Exit

LOCAL = "local"
DEFAULT = "default"
# Written by `make up`: LOCAL_DIR/up/profile.ini.
LOCAL_PROFILE = Path("up", "profile.ini")
PRIVATE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Where a stack is, and how to reach it. An empty text stands for an unknown value."""

    name: str
    api_url: str = ""
    token: str = ""
    stack: str = ""
    region: str = ""
    aws_profile: str = ""
    endpoint_url: str = ""
    """The endpoint of an emulated AWS."""
    cos_endpoint: str = ""
    """The endpoint of the local engine, which stores objects as COS does. Empty for a stack on AWS."""
    aws_access_key_id: str = ""
    aws_secret_access_key: str = ""


KEYS = frozenset(one.name for one in fields(Profile)) - {"name"}


def config_file(environment: Mapping[str, str]) -> Path:
    """Return the file that holds the profiles."""
    if named := environment.get("MEDIARELAY_CONFIG"):
        return Path(named)
    home = environment.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "mediarelay" / "profiles.ini"


def local_file(environment: Mapping[str, str]) -> Path:
    """Return the file in which `make up` describes the stack of this folder."""
    return Path(environment.get("LOCAL_DIR") or ".local") / LOCAL_PROFILE


def read_profiles(file: Path) -> dict[str, Profile]:
    """Read all profiles of a file; a file that does not exist has none. Raises `CliError` if it is unreadable."""
    # Tokens may contain `%`, which ConfigParser would interpolate.
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(file, "utf-8")
        return {name: _profile(name, parser[name]) for name in parser.sections()}
    except (ConfigError, UnicodeDecodeError, OSError) as error:
        raise CliError(f"{file}: not readable: {error}", "Correct the file or remove it.", Exit.USAGE) from error


def _profile(name: str, section: Mapping[str, str]) -> Profile:
    if unknown := set(section) - KEYS:
        raise ConfigError(f"[{name}] has the unknown key {min(unknown)}; known are {', '.join(sorted(KEYS))}")
    return Profile(name=name, **section)


def save_profile(file: Path, profile: Profile) -> None:
    """Add a profile to a file, or replace it. Only the owner can read the file, because it holds a token."""
    read_profiles(file)  # refuses a file that it would damage
    parser = ConfigParser(interpolation=None)
    parser.read(file, "utf-8")
    parser[profile.name] = {key: value for key in sorted(KEYS) if (value := getattr(profile, key))}
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.touch(PRIVATE)
    draft.chmod(PRIVATE)
    with draft.open("w", encoding="utf-8") as text:
        parser.write(text)
    draft.replace(file)


def choose(options: Mapping[str, str], environment: Mapping[str, str]) -> Profile:
    """Return the profile that options and environment name.

    An option wins over its environment variable, and both win over the profile. A stack that is named replaces the
    URL of a place that counts less, because it has a URL of its own. Without a name, the profile is `default`, or
    `local` if only that exists. Raises `CliError` if the named profile does not exist.
    """
    given = _with_url(_from_environment(environment)) | _with_url({key: one for key, one in options.items() if one})
    name = given.pop("name", "")
    found = read_profiles(local_file(environment)) | read_profiles(config_file(environment))
    if name and name not in found:
        raise CliError(f"there is no profile {name}", _hint(name, sorted(found)), Exit.USAGE)
    name = name or next((one for one in (DEFAULT, LOCAL) if one in found), "")
    return replace(found.get(name) or Profile(name=name or DEFAULT), **given)


def _with_url(given: dict[str, str]) -> dict[str, str]:
    return {"api_url": ""} | given if "stack" in given else given


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    names = {
        "name": "MEDIARELAY_PROFILE",
        "api_url": "MEDIARELAY_API_URL",
        "token": "MEDIARELAY_TOKEN",
        "stack": "MEDIARELAY_STACK",
    }
    return {key: value for key, name in names.items() if (value := environment.get(name))}


def _hint(name: str, known: list[str]) -> str:
    if name == LOCAL:
        return "Start the local stack with `make up`, and call mediarelay in the folder of the repository."
    return f"Known profiles: {', '.join(known) or 'none'}. Add one with `mediarelay profile add {name}`."
