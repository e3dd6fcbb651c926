"""The settings of a local stack: its folder, its ports, its secrets, and the environment of its programs."""

import json
import os
import re
import secrets
import sys
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
REGION = "eu-west-1"
ACCOUNT = "000000000000"
# The emulator takes any.
SECRET_ACCESS_KEY = "local"  # noqa: S105
STACK = "mediarelay"
PORTS = "ports.json"
MAX_PORT = 65535
# The variables that programs inherit from the user. None of them can direct a program to a real AWS account.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYENV_VERSION", "PYENV_ROOT", "SSL_CERT_FILE")
# Prefixes of the variables that only builds inherit, because builds download packages.
FETCHING = ("PIP_", "UV_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE")


class LocalError(Exception):
    """An error that the user can correct. Its text states how."""


# The generated secrets of a stack, and the prefix of each. A Tencent secret id begins with AKID.
MADE_UP = {"secret_id": "AKID", "secret_key": "", "callback_token": "", "bearer": "", "music": "", "notify_key": ""}


@dataclass(frozen=True)
class Keys:
    """The secrets of one local stack. The stack generates them once and stores them in its folder."""

    secret_id: str
    secret_key: str
    callback_token: str
    bearer: str
    music: str
    notify_key: str

    @property
    def clients(self) -> dict[str, object]:
        """The value of the ApiClients secret, which contains only the hash of the bearer token."""
        digest = sha256(self.bearer.encode()).hexdigest()
        return {"clients": [{"name": "local", "sha256": digest, "scopes": ["admin", "read:tokens"]}]}


def _port(variable: str, default: int) -> int:
    """Read a port from the environment. Raises `LocalError` if the variable is no port."""
    text = os.environ.get(variable) or str(default)
    if not (re.fullmatch("[1-9][0-9]{0,4}", text) and int(text) <= MAX_PORT):
        raise LocalError(f"{variable}={text} is no port: give a number from 1 to {MAX_PORT}")
    return int(text)


@dataclass(frozen=True)
class LocalEnvironment:
    """One local stack: a folder for its files, and two ports on 127.0.0.1."""

    folder: Path
    emulator_port: int = field(default_factory=lambda: _port("EMULATOR_PORT", 4566))
    engine_port: int = field(default_factory=lambda: _port("ENGINE_PORT", 4580))

    @classmethod
    def saved(cls, folder: Path) -> "LocalEnvironment":
        """Return the environment of a folder, with the ports on which its stack last started."""
        try:
            return cls(folder, **json.loads((folder / PORTS).read_text()))
        except OSError:
            return cls(folder)

    def save_ports(self) -> None:
        """Write the ports to the folder, for later commands."""
        ports = {"emulator_port": self.emulator_port, "engine_port": self.engine_port}
        written = self.path(f"{PORTS}.new")
        written.write_text(json.dumps(ports))
        # The file changes in one step, because another command may read it now.
        written.replace(self.path(PORTS))

    @property
    def emulator_url(self) -> str:
        """The address of the emulated AWS."""
        return f"http://{HOST}:{self.emulator_port}"

    @property
    def engine_url(self) -> str:
        """The address of the engine."""
        return f"http://{HOST}:{self.engine_port}"

    @cached_property
    def keys(self) -> Keys:
        """The stack's secrets, generated on first use."""
        file = self.folder / "keys.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        # A folder of an earlier version may lack a secret. The others stay, because the deployed stack uses them.
        if known.keys() != MADE_UP.keys():
            self.folder.mkdir(parents=True, exist_ok=True)
            known = {name: start + secrets.token_hex(16) for name, start in MADE_UP.items()} | known
            file.touch(mode=0o600)
            file.write_text(json.dumps(known, indent=2))
        return Keys(**known)

    def path(self, *parts: str) -> Path:
        """Return a path in the stack's folder, after creating its parent folder."""
        place = self.folder.joinpath(*parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def build_environment(self) -> dict[str, str]:
        """Return the environment of builds. It adds the user's settings of pip, uv and proxies."""
        wanted = {name: value for name, value in os.environ.items() if name.upper().startswith(FETCHING)}
        return self.variables() | wanted

    def variables(self) -> dict[str, str]:
        """Return the environment of programs that call the emulated AWS."""
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        temporary = self.path("tmp", "")
        temporary.mkdir(exist_ok=True)
        return inherited | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)]),
            "TMPDIR": str(temporary),
            "AWS_ENDPOINT_URL": self.emulator_url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            # A profile of the user's could name another endpoint or account.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "SAM_CLI_TELEMETRY": "0",
            "__SAM_CLI_APP_DIR": str(self.path("sam-cli")),
        }
