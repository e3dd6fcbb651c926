"""Clients of the emulated AWS."""

from typing import Any

from botocore.session import Session

from local.environment import ACCOUNT, REGION, LocalEnvironment


def client(env: LocalEnvironment, service: str) -> Any:
    """A client of the emulated AWS; never of a real account."""
    return Session().create_client(
        service,
        endpoint_url=env.emulator_url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="local",  # noqa: S106 - the emulator takes any
    )
