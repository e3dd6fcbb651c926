"""U1, a plain receiver: boto3's resource, json and logging. It stores each callback as an item."""

import base64
import json
import logging
import os
import time

import boto3
from botocore.exceptions import ClientError

logger = logging.getLogger()
logger.setLevel(logging.INFO)
table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
TOKEN = os.environ.get("CALLBACK_TOKEN", "")


def handler(event, _context):
    """Store a callback."""
    if event["pathParameters"]["token"] != TOKEN:
        return {"statusCode": 401, "body": ""}
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body).decode()
    try:
        callback = json.loads(body)
        vid = callback["vid"]
    except (ValueError, KeyError):
        logger.exception("malformed callback")
        return {"statusCode": 400, "body": json.dumps({"message": "malformed"})}
    try:
        table.put_item(Item={"pk": f"TASK#{vid}", "sk": f"CALLBACK#{time.time_ns()}", "body": body})
    except ClientError:
        logger.exception("not stored")
        return {"statusCode": 503, "body": ""}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps({"vid": vid})}
