"""AWS in this process (moto): a module's own account, a table per test, made from the template's definition."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

import pytest
from moto import mock_aws

from mediarelay.adapters.aws import client
from mediarelay.wiring import callbacks
from tests.integration.deployment import forget
from tests.integration.direct_dynamodb import one_at_a_time, take_the_short_way
from tests.integration.lambda_sandbox import LambdaSandbox
from tests.integration.provider import Site, serving
from tests.integration.task_harness import TaskHarness
from tests.stack import REGION, resources

NUMBERS = count()


@pytest.fixture(scope="module", autouse=True)
def account(request: pytest.FixtureRequest) -> Iterator[None]:
    """An empty account that nothing of the shell's settings leads away from."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        one_at_a_time(patch)
        if request.node.get_closest_marker("over_http") is None:
            take_the_short_way(patch)
        client.cache_clear()
        # Its own connections would pass moto. `test_put_client.py` compares it with the usual client.
        patch.setattr(callbacks, "put_client", partial(client, "dynamodb"))
        with mock_aws():
            yield
        client.cache_clear()


@pytest.fixture(scope="session")
def make_table() -> Callable[[], str]:
    """Makes tables as the template defines them."""
    (definition,) = resources("AWS::DynamoDB::Table").values()
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")

    def make() -> str:
        name = f"ledger{next(NUMBERS)}"
        client("dynamodb").create_table(TableName=name, **{part: definition[part] for part in wanted})
        return name

    return make


@pytest.fixture
def table(make_table: Callable[[], str]) -> str:
    """A table of the test's own."""
    return make_table()


@pytest.fixture
def harness(table: str) -> TaskHarness:
    """Everything but the provider and the subscribers, on a table of its own."""
    return TaskHarness(table)


@pytest.fixture
def site() -> Iterator[Site]:
    """A site for the provider, on this machine."""
    with serving() as site:
        yield site


@pytest.fixture
def lambda_sandbox(monkeypatch: pytest.MonkeyPatch, table: str, site: Site) -> Iterator[LambdaSandbox]:
    """Runs handlers as deployed; what they cached is forgotten afterwards."""
    yield LambdaSandbox(monkeypatch, table, site)
    forget()
