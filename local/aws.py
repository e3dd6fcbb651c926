"""Create clients of the emulated AWS."""

from typing import Any

from botocore.session import Session

from local.environment import ACCOUNT, REGION, LocalEnvironment


def client(env: LocalEnvironment, service: str) -> Any:
    """Return a botocore client of the emulated AWS.

    Address and keys are explicit, so that no setting of the user's can direct it to a real account.
    """
    return Session().create_client(
        service,
        endpoint_url=env.emulator_url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="local",  # noqa: S106 - the emulator takes any
    )
