"""Modules that a cold start imports and does not use: their code runs when one of their names is first read.

Packages of AWS import much that our functions never need. A module of `DEFERRED` is found and registered as usual, so
its submodules import as usual. Only its own code waits. This is `importlib.util.LazyLoader` for packages, which that
class would run at the import of a submodule.
"""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from threading import RLock
from types import ModuleType
from typing import Any

DATA_CLASSES = "aws_lambda_powertools.utilities.data_classes"
# Modules whose code waits. Of a package, also the submodule of each name that a cold start imports from the package.
DEFERRED: dict[str, dict[str, str]] = {
    # Batches and resolvers import it for handlers that are coroutines.
    "asyncio": {},
    # The resolvers of all other services.
    "aws_lambda_powertools.event_handler": {},
    # The events of all services.
    DATA_CLASSES: {
        "ALBEvent": "alb_event",
        "APIGatewayProxyEvent": "api_gateway_proxy_event",
        "APIGatewayProxyEventV2": "api_gateway_proxy_event",
        "BedrockAgentEvent": "bedrock_agent_event",
        "LambdaFunctionUrlEvent": "lambda_function_url_event",
        "S3Event": "s3_event",
        "VPCLatticeEvent": "vpc_lattice",
        "VPCLatticeEventV2": "vpc_lattice",
        # A submodule has the name of what it defines.
        "event_source": "event_source",
    },
    # The logger reads correlation ids with it. Ours gets them from us.
    "aws_lambda_powertools.utilities.jmespath_utils": {},
    # s3transfer, and with it multiprocessing.
    "boto3": {},
    "boto3.docs": {},
    # It writes reference documents.
    "botocore.docs": {},
    # requests guesses encodings with it, and checks its version. We read bytes.
    "charset_normalizer": {"__version__": "version"},
    # requests encodes names of hosts with it that are not ASCII.
    "idna": {},
    # It looks for the version of h2 in the metadata of all packages.
    "urllib3.http2": {},
}
# The import system asks each module for it. Only packages have it, and it is set before their code runs.
PATH = "__path__"


class DeferredModule(ModuleType):
    """A module whose code runs when a name is read that is neither set nor a submodule."""

    def __getattr__(self, name: str) -> Any:
        """Return a submodule, or a name of one, or run the module and return its attribute."""
        if name == PATH:
            raise AttributeError(name)
        if name in (homes := DEFERRED[self.__name__]):
            found = getattr(import_module(f"{self.__name__}.{homes[name]}"), name)
            # A submodule of the same name has just become an attribute.
            setattr(self, name, found)
            return found
        if PATH in self.__dict__ and find_spec(submodule := f"{self.__name__}.{name}"):
            return import_module(submodule)
        _run(self)
        # By now the class may be another one, which `super()` would refuse.
        return ModuleType.__getattribute__(self, name)


class _Finder:
    """Finds the modules of `DEFERRED` as the import system does, and replaces their loader."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the spec of a deferred module; None for any other one."""
        spec = PathFinder.find_spec(name, path, target) if name in DEFERRED else None
        if spec:
            spec.loader_state, spec.loader = spec.loader, _Loader()  # type: ignore[assignment]
        return spec


class _Loader:
    """Makes a module as usual and leaves its code for later."""

    def create_module(self, _spec: ModuleSpec) -> None:
        """Return None, so that the import system makes the module."""

    def exec_module(self, module: ModuleType) -> None:
        """Let the first read of a name run the module."""
        module.__class__ = DeferredModule


_FINDER: Any = _Finder()
_running = RLock()


def _run(module: ModuleType) -> None:
    """Run a module's code, once. Other threads wait for it; this one may read what the code has set so far."""
    with _running:
        spec: Any = module.__spec__
        loader, spec.loader_state = spec.loader_state, None
        if loader:
            module.__loader__ = spec.loader = loader
            try:
                loader.exec_module(module)
            except BaseException:
                # The next read raises the same error, not one about a missing name.
                spec.loader_state = loader
                raise
            module.__class__ = ModuleType


def defer_imports() -> None:
    """Defer the modules of `DEFERRED` that are imported from now on."""
    sys.meta_path.insert(0, _FINDER)


def stop_deferring() -> None:
    """Import every module at once again. Those that were deferred stay so."""
    while _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
