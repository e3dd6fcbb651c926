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
from configparser import (
    ConfigParser,
    DuplicateOptionError,
    DuplicateSectionError,
    MissingSectionHeaderError,
    ParsingError,
)
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
    home = Path(environment.get("XDG_CONFIG_HOME") or _home() / ".config")
    return home / "mediarelay" / "profiles.ini"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:  # neither HOME nor an entry in the user database, as in some containers
        raise CliError("the home folder is unknown", "Set HOME or MEDIARELAY_CONFIG.", Exit.USAGE) from error


def local_file(environment: Mapping[str, str]) -> Path:
    """Return the file in which `make up` describes the stack of this folder."""
    return Path(environment.get("LOCAL_DIR") or ".local") / LOCAL_PROFILE


def read_profiles(file: Path) -> dict[str, Profile]:
    """Read all profiles of a file; a file that does not exist has none. Raises `CliError` if it is unreadable."""
    parser = _parsed(file)
    return {name: _profile(file, name, parser[name]) for name in parser.sections()}


def _parsed(file: Path) -> ConfigParser:
    # Tokens may contain `%`, which ConfigParser would interpolate.
    parser = ConfigParser(interpolation=None)
    try:
        # `parser.read` would take a file that it may not read for one that does not exist.
        parser.read_string(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        return parser
    except (ConfigError, UnicodeDecodeError, OSError) as error:
        raise _unreadable(file, _why(error)) from None
    return parser


def _unreadable(file: Path, why: str) -> CliError:
    return CliError(f"{file}: not readable: {why}", "Correct the file or remove it.", Exit.USAGE)


def _why(error: Exception) -> str:
    """Return what is wrong with a file, without any text of the file: it holds tokens."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, MissingSectionHeaderError):
        return "it does not begin with `[name]`"
    if isinstance(error, ParsingError):
        return f"line {error.errors[0][0]} is neither `[name]` nor `key = value`"
    if isinstance(error, DuplicateSectionError | DuplicateOptionError):
        return f"line {error.lineno} repeats a profile or a key"
    return "it is not UTF-8"


def _profile(file: Path, name: str, section: Mapping[str, str]) -> Profile:
    if set(section) - KEYS:  # a token that stands in the wrong place looks like a key, too
        raise _unreadable(file, f"[{name}] has an unknown key; known are {', '.join(sorted(KEYS))}")
    return Profile(name=name, **section)


def save_profile(file: Path, profile: Profile) -> None:
    """Add a profile to a file, or replace it. Only the owner can read the file, because it holds a token."""
    expected = read_profiles(file) | {profile.name: profile}
    parser = _parsed(file)
    parser[profile.name] = {key: value for key in sorted(KEYS) if (value := getattr(profile, key))}
    try:
        # A link to a file elsewhere stays a link.
        _replace(file.resolve(), parser, expected)
    except OSError as error:
        action = "Check the folder, or name another file by MEDIARELAY_CONFIG."
        raise CliError(f"{file}: not saved: {_why(error)}", action, Exit.USAGE) from error


def _replace(file: Path, parser: ConfigParser, expected: Mapping[str, Profile]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.touch(PRIVATE)
    draft.chmod(PRIVATE)
    try:
        with draft.open("w", encoding="utf-8") as text:
            parser.write(text)
        _check(draft, expected)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _check(draft: Path, expected: Mapping[str, Profile]) -> None:
    """Raise `CliError` if a name or a value has a character with a meaning in the file, which would change others."""
    try:
        kept = read_profiles(draft) == expected
    except CliError:
        kept = False
    if not kept:
        action = "Use names and values without line breaks, brackets and surrounding blanks; DEFAULT is no name."
        raise CliError("a profile of this form cannot be saved", action, Exit.USAGE)


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
