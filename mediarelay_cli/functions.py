"""The functions of a deployed stack: their names, and the environment that each of them has."""

from collections.abc import Iterator, Mapping

from mediarelay_cli.session import Session

FUNCTION = "AWS::Lambda::Function"
DEFAULT_CACHE_SECONDS = 60


def resources(session: Session, of_type: str) -> dict[str, str]:
    """Return the physical ids of the stack's resources of a type, by their logical ids. Raises `CliError`."""
    return {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for one in _resources(session)
        if one["ResourceType"] == of_type
    }


def _resources(session: Session) -> Iterator[Mapping[str, str]]:
    more: dict[str, str] = {}
    while True:
        stack = session.profile.stack
        page = session.aws("cloudformation", "list_stack_resources", StackName=stack, **more)
        yield from page["StackResourceSummaries"]
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}


def environments(session: Session) -> dict[str, dict[str, str]]:
    """Return the environment variables of each function, by its logical id. Raises `CliError`."""
    return {name: environment(session, function) for name, function in resources(session, FUNCTION).items()}


def environment(session: Session, function: str) -> dict[str, str]:
    """Return the environment variables of one function. Raises `CliError`."""
    found = session.aws("lambda", "get_function_configuration", FunctionName=function)
    return dict(found.get("Environment", {}).get("Variables", {}))


def merged(found: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the variables of all functions together. Each setting has the same value in every function."""
    return {name: value for one in found.values() for name, value in one.items()}


def cache_seconds(found: Mapping[str, str]) -> int:
    """Return how many seconds functions may use a secret that was replaced."""
    text = found.get("SECRET_CACHE_SECONDS", "")
    return int(text) if text.isdecimal() else DEFAULT_CACHE_SECONDS
