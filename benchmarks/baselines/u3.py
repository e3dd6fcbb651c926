"""U3, the usual Powertools receiver: resource, Logger, Metrics, resolver with validation, idempotency, pydantic."""

import os
from typing import Annotated

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import UnauthorizedError
from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict

logger = Logger(service="receiver")
metrics = Metrics(namespace="Callbacks", service="receiver")
app = APIGatewayHttpResolver(enable_validation=True)
table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
persistence = DynamoDBPersistenceLayer(table_name=os.environ["TABLE_NAME"])
config = IdempotencyConfig(event_key_jmespath="vid")
TOKEN = os.environ.get("CALLBACK_TOKEN", "")


class Callback(BaseModel):
    """What the CDN posts."""

    model_config = ConfigDict(extra="allow")

    vid: str
    result: str | None = None
    code: int | None = None


class Receipt(BaseModel):
    """The answer."""

    vid: str
    accepted: bool = True


@idempotent_function(data_keyword_argument="callback", persistence_store=persistence, config=config)
def store(*, callback: dict) -> dict:
    """Store a callback once."""
    table.put_item(Item={"pk": f"TASK#{callback['vid']}", "sk": "CALLBACK", **callback})
    return {"vid": callback["vid"]}


@app.post("/callbacks/video/<token>")
def receive(token: Annotated[str, Path()], callback: Callback) -> Receipt:
    """Store a callback."""
    if token != TOKEN:
        raise UnauthorizedError("token")
    stored = store(callback=callback.model_dump())
    metrics.add_metric(name="CallbackStored", unit=MetricUnit.Count, value=1)
    return Receipt(vid=stored["vid"])


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: dict, context: LambdaContext) -> dict:
    """Answer an event of the HTTP API."""
    config.register_lambda_context(context)
    return app.resolve(event, context)
