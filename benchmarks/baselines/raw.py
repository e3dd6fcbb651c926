"""A raw signed request: botocore signs a PutItem, urllib3 sends it. No client, no retries, no logs, no metrics."""

import base64
import json
import os
import time

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = os.environ["AWS_DEFAULT_REGION"]
URL = os.environ.get("AWS_ENDPOINT_URL") or f"https://dynamodb.{REGION}.amazonaws.com"
HEADERS = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.PutItem"}
TOKEN = os.environ.get("CALLBACK_TOKEN", "")
keys = Credentials(
    os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN")
)
signer = SigV4Auth(keys, "dynamodb", REGION)
pool = urllib3.PoolManager()


def handler(event, _context):
    """Store a callback."""
    if event["pathParameters"]["token"] != TOKEN:
        return {"statusCode": 401, "body": ""}
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body).decode()
    vid = json.loads(body)["vid"]
    item = {"pk": {"S": f"TASK#{vid}"}, "sk": {"S": f"CALLBACK#{time.time_ns()}"}, "body": {"S": body}}
    put = json.dumps({"TableName": os.environ["TABLE_NAME"], "Item": item})
    request = AWSRequest("POST", URL, headers=HEADERS, data=put)
    signer.add_auth(request)
    answer = pool.request("POST", URL, headers=dict(request.headers), body=put)
    return {"statusCode": answer.status, "body": json.dumps({"vid": vid})}
