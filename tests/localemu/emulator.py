"""LocalEmu, a second emulator, for the end-to-end tests: `make test-localemu`."""

from pathlib import Path

from local.emulators import Emulator, Outputs
from local.expand import Template
from local.ground import HOST, ROOT, Ground
from tests.localemu.gateway import Gateway, routes, serve

PORT = "gateway.port"


def _settings(ground: Ground) -> dict[str, str]:
    return {
        "GATEWAY_LISTEN": f"{HOST}:{ground.emulator_port}",
        "LOCALEMU_HOST": f"{HOST}:{ground.emulator_port}",
        "HOME": str(ground.path("home", "")),
        "PERSISTENCE": "0",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
    }


def _complete(ground: Ground, _outputs: Outputs, template: Template) -> str:
    gateway = Gateway(ground, list(routes(template)))
    ground.path(PORT).write_text(str(serve(gateway)))
    return _api_url(ground, _outputs)


def _api_url(ground: Ground, _outputs: Outputs) -> str:
    return f"http://{HOST}:{ground.path(PORT).read_text()}"


LOCALEMU = Emulator(
    name="localemu",
    command=(str(ROOT / ".venv-localemu" / "bin" / "python"), str(Path(__file__).with_name("start.py"))),
    environment=_settings,
    health="/_localemu/health",
    complete=_complete,
    api_url=_api_url,
    keeps_state=False,
)
