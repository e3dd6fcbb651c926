"""LocalEmu, a second emulator, for the end-to-end tests: `make test-localemu`."""

from pathlib import Path

from local.emulators import Emulator, Outputs
from local.environment import HOST, ROOT, LocalEnvironment
from local.expand import Template
from tests.localemu.gateway import Gateway, routes, serve

PORT = "gateway.port"


def _settings(env: LocalEnvironment) -> dict[str, str]:
    return {
        "GATEWAY_LISTEN": f"{HOST}:{env.emulator_port}",
        "LOCALEMU_HOST": f"{HOST}:{env.emulator_port}",
        "HOME": str(env.path("home", "")),
        "PERSISTENCE": "0",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
    }


def _complete(env: LocalEnvironment, _outputs: Outputs, template: Template) -> str:
    gateway = Gateway(env, list(routes(template)))
    env.path(PORT).write_text(str(serve(gateway)))
    return _api_url(env, _outputs)


def _api_url(env: LocalEnvironment, _outputs: Outputs) -> str:
    return f"http://{HOST}:{env.path(PORT).read_text()}"


LOCALEMU = Emulator(
    name="localemu",
    command=(str(ROOT / ".venv-localemu" / "bin" / "python"), str(Path(__file__).with_name("start.py"))),
    environment=_settings,
    health="/_localemu/health",
    complete=_complete,
    api_url=_api_url,
    keeps_state=False,
    has_http_api=False,
)
