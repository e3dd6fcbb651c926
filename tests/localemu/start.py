"""Start LocalEmu on 127.0.0.1 only, with functions that run as processes of this machine.

Run it with the Python of the environment that LocalEmu is installed in; the port is in the variable GATEWAY_LISTEN.
LocalEmu 1.3.2 differs from what these tests need in two ways, so both are replaced before it starts:

- Its web server binds to all interfaces, whatever host GATEWAY_LISTEN names.
- Its only way to run a function is a Docker container.
"""

import functools
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

from localemu.runtime.main import main as run
from localemu.services.lambda_.invocation import runtime_executor
from localemu.services.lambda_.invocation.executor_endpoint import ExecutorEndpoint
from localemu.services.lambda_.invocation.layer_mounter import prepare_merged_opt
from localemu.utils.net import get_free_tcp_port
from twisted.internet import endpoints

HOST = "127.0.0.1"
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE")
WORKER = Path(__file__).with_name("worker.py")
STOP_SECONDS = 5


class ProcessExecutor(runtime_executor.RuntimeExecutor):
    """Runs one execution environment of a function in a process that `worker.py` describes."""

    def __init__(self, identity, function_version):
        super().__init__(identity, function_version)
        self._endpoint = ExecutorEndpoint(identity, HOST, get_free_tcp_port())
        self._process = None

    def start(self, env_vars: Mapping[str, object]) -> None:
        """Start the process and wait until it says that the function is loaded."""
        self._endpoint.start()
        layers = prepare_merged_opt(self.function_version)
        code = self.function_version.config.code.get_unzipped_code_location()
        folders = [str(code), *([f"{layers}/python"] if layers else [])]
        command = [sys.executable, "-u", "-I", "-S", str(WORKER), str(self._endpoint.container_port), *folders]
        self._process = subprocess.Popen(command, env=self._environment(env_vars), cwd=code)
        self._endpoint.wait_for_startup()

    def _environment(self, env_vars: Mapping[str, object]) -> dict[str, str]:
        """What a function sees on AWS, and nothing of LocalEmu's own settings."""
        own = {name: value for name, value in os.environ.items() if name in PASSED_ON}
        return own | {name: str(value) for name, value in env_vars.items()}

    def stop(self) -> None:
        """End the process."""
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._endpoint.shutdown()

    def invoke(self, payload, function_timeout=None):
        """Hand one event to the process; returns what the function answers."""
        return self._endpoint.invoke(payload, function_timeout=function_timeout)

    def get_address(self) -> str:
        """The host of the process."""
        return HOST

    def get_endpoint_from_executor(self) -> str:
        """The host of LocalEmu, as the process sees it."""
        return HOST

    def get_runtime_endpoint(self) -> str:
        """Where the process posts its answers to."""
        port = runtime_executor.config.GATEWAY_LISTEN[0].port
        return f"http://{HOST}:{port}{self._endpoint.get_endpoint_prefix()}"

    def get_logs(self) -> str:
        """Nothing: the process writes to LocalEmu's own output."""
        return ""

    @classmethod
    def prepare_version(cls, function_version) -> None:
        """Unpack the function's code."""
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version) -> None:
        """Nothing is left to clean up."""


def main() -> None:
    """Replace what must be replaced, then start LocalEmu in this process."""
    endpoints.TCP4ServerEndpoint = functools.partial(endpoints.TCP4ServerEndpoint, interface=HOST)
    plugin = SimpleNamespace(load=lambda: ProcessExecutor)
    runtime_executor.EXECUTOR_PLUGIN_MANAGER = SimpleNamespace(exists=lambda _: True, load=lambda _: plugin)
    run()


if __name__ == "__main__":
    main()
