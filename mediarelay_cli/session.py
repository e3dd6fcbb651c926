"""What a command works with: the chosen profile, the API, AWS, and the printer."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mediarelay_cli.api import Api
from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.output import Printer
from mediarelay_cli.profiles import Profile

NO_STACK = "Add a profile: `mediarelay profile add default --stack NAME`, or start a local stack with `make up`."
AWS_CONFIG: dict[str, Any] = {
    "connect_timeout": 10,
    "read_timeout": 35,
    "retries": {"mode": "standard", "total_max_attempts": 4},
}
NO_CREDENTIALS = "Check the profile's region and AWS credentials (`aws sts get-caller-identity`)."


@dataclass
class Session:
    """Everything that a command needs. Nothing is read or called before a command uses it.

    boto3 is imported at its first use, because it takes longer than most commands.
    """

    choose: Callable[[], Profile]
    printer: Printer

    @cached_property
    def profile(self) -> Profile:
        """The profile that options and environment name. Raises `CliError`."""
        return self.choose()

    @cached_property
    def api(self) -> Api:
        """The client of the API. Raises `CliError` if the profile names no stack or no token."""
        if not (self.profile.token or self.profile.api_url or self.profile.stack):
            raise CliError("no stack is configured", NO_STACK, Exit.USAGE)
        if not self.profile.token:
            action = f"Set one with MEDIARELAY_TOKEN or `mediarelay profile add {self.profile.name}`."
            raise CliError(f"the profile {self.profile.name} has no token", action, Exit.USAGE)
        return Api(self.api_url, self.profile.token)

    def close(self) -> None:
        """Close the connections to the API, if there are any."""
        if "api" in self.__dict__:
            self.api.close()

    @cached_property
    def api_url(self) -> str:
        """The URL of the API, from the profile or from the outputs of its stack."""
        return (self.profile.api_url or self.output("ApiUrl")).rstrip("/")

    def output(self, name: str) -> str:
        """Return an output of the stack. Raises `CliError`."""
        if name not in self.outputs:
            raise CliError(f"the stack {self.profile.stack} has no output {name}", "Deploy the current template.")
        return self.outputs[name]

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The outputs of the profile's CloudFormation stack. Raises `CliError`."""
        if not self.profile.stack:
            raise CliError("this command needs a stack", NO_STACK, Exit.USAGE)
        found = self.aws("cloudformation", "describe_stacks", StackName=self.profile.stack)["Stacks"][0]
        return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}

    def aws(self, service: str, operation: str, **arguments: Any) -> Any:
        """Call AWS and return its answer. Raises `CliError`."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
        from botocore.parsers import ResponseParserError  # noqa: PLC0415

        try:
            return getattr(self.client(service), operation)(**arguments)
        except (
            BotoCoreError,
            ClientError,
            ResponseParserError,
            ValueError,
        ) as error:  # ValueError: a malformed endpoint
            raise CliError(f"{service} {operation}: {error}", NO_CREDENTIALS) from error

    def client(self, service: str) -> Any:
        """Return a boto3 client with the profile's credentials."""
        from botocore.config import Config  # noqa: PLC0415

        return self._boto.client(service, endpoint_url=self.profile.endpoint_url or None, config=Config(**AWS_CONFIG))

    @cached_property
    def _boto(self) -> Any:
        import boto3  # noqa: PLC0415

        profile = self.profile
        return boto3.Session(
            profile_name=profile.aws_profile or None,
            region_name=profile.region or None,
            aws_access_key_id=profile.aws_access_key_id or None,
            aws_secret_access_key=profile.aws_secret_access_key or None,
        )
