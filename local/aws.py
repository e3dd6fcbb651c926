"""Create clients of the emulated AWS."""

from functools import cache
from typing import Any

from botocore.session import Session

from local.environment import ACCOUNT, REGION, SECRET_ACCESS_KEY, LocalEnvironment


def client(env: LocalEnvironment, service: str) -> Any:
    """Return a botocore client of the emulated AWS.

    Address and keys are explicit, so that no setting of the user's can direct it to a real account.
    """
    return _client(env.emulator_url, service)


# Creating a client takes longer than most of its calls, because botocore reads the models of the service. Threads may
# share a client, but not the session that creates it.
@cache
def _client(url: str, service: str) -> Any:
    return Session().create_client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key=SECRET_ACCESS_KEY,
    )
