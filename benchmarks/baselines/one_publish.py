"""A usual publisher behind a table's stream: for each record, one query, one put, one publish and one update.

It is written as the guides of boto3 and Powertools write it: boto3's resource, a batch processor, a log line for each
record. It keeps the same promise: the event is stored before it is published, and the task is marked after it.
"""

import json
import os
import time
import uuid
import zlib

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from boto3.dynamodb.conditions import Attr, Key

logger = Logger(service="publisher")
table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
sns = boto3.client("sns")
processor = BatchProcessor(event_type=EventType.DynamoDBStreams)
TOPIC = os.environ["TOPIC_ARN"]


def publish(record):
    """Publish the state of the task that a record is about."""
    vid = record.raw_event["dynamodb"]["NewImage"]["vid"]["S"]
    found = table.query(KeyConditionExpression=Key("pk").eq(f"TASK#{vid}"), ConsistentRead=True)["Items"]
    task = next(row for row in found if row["item"] == "task")
    answer = next(json.loads(zlib.decompress(row["body"].value)) for row in reversed(found) if row["item"] == "answer")
    kind = f"task.{task['state']}"
    event = {
        "specversion": "1.0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, vid + kind)),
        "type": kind,
        "source": os.environ["API_URL"],
        "subject": vid,
        "time": task["updated_at"],
        "data": {"vid": vid, "state": task["state"], "url": task.get("url"), "answer": answer},
    }
    message = json.dumps(event)
    table.put_item(
        Item={
            "pk": f"EVENTS#{time.strftime('%Y-%m-%d')}",
            "sk": f"{time.time_ns()}#{event['id']}",
            "item": "event",
            "type": kind,
            "body": message,
            "expires_at": int(time.time()) + 30 * 86_400,
        }
    )
    sns.publish(
        TopicArn=TOPIC,
        Message=message,
        MessageAttributes={
            "type": {"DataType": "String", "StringValue": kind},
            "kind": {"DataType": "String", "StringValue": task["kind"]},
        },
    )
    try:
        table.update_item(
            Key={"pk": task["pk"], "sk": task["sk"]},
            UpdateExpression="ADD published :labels, version :one REMOVE unpublished, due_shard, due_at",
            ConditionExpression=Attr("unpublished").eq(task["unpublished"]),
            ExpressionAttributeValues={":labels": {task["unpublished"]}, ":one": 1},
        )
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        logger.info("published by another worker")
    logger.info("published", extra={"vid": vid, "type": kind})


def handler(event, context):
    """Publish a batch of the stream."""
    return process_partial_response(event=event, record_handler=publish, processor=processor, context=context)
