"""Public prices of AWS in US dollars. Compare with https://aws.amazon.com/pricing before a decision."""

from collections.abc import Mapping
from dataclasses import dataclass

REGION = "us-east-1"
PRICED_ON = "2025-11"
MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Price:
    """A public price in US dollars for a number of units."""

    service: str
    unit: str
    dollars: float
    per: float = 1


PRICES: Mapping[str, Price] = {
    "api_requests": Price("API Gateway, HTTP API", "requests", 1.00, MILLION),
    "invocations": Price("Lambda", "invocations", 0.20, MILLION),
    "gb_seconds": Price("Lambda, arm64", "GB-seconds", 0.0000133334),
    "writes": Price("DynamoDB on demand", "write units", 0.625, MILLION),
    "reads": Price("DynamoDB on demand", "read units", 0.125, MILLION),
    "stored_gb": Price("DynamoDB storage and point-in-time recovery", "GB", 0.45),
    "sqs_requests": Price("SQS", "requests", 0.40, MILLION),
    "publishes": Price("SNS to SQS", "publishes", 0.50, MILLION),
    "schedules": Price("EventBridge Scheduler", "invocations", 1.00, MILLION),
    "log_gb": Price("CloudWatch Logs", "GB", 0.50),
    "metrics": Price("CloudWatch metrics", "metrics", 0.30),
    "alarm_metrics": Price("CloudWatch alarms", "metrics of alarms", 0.10),
    "secrets": Price("Secrets Manager", "secrets", 0.40),
    "secret_calls": Price("Secrets Manager", "calls", 0.05, 10_000),
    "keys": Price("KMS", "keys", 1.00),
}
# What the alternatives use instead, in the same units.
REST_API = Price("API Gateway, REST API", "requests", 3.50, MILLION)
IA_WRITES = Price("DynamoDB Standard-IA", "write units", 0.78, MILLION)
IA_READS = Price("DynamoDB Standard-IA", "read units", 0.155, MILLION)
IA_STORAGE = Price("DynamoDB Standard-IA and point-in-time recovery", "GB", 0.30)
IA_LOGS = Price("CloudWatch Logs, infrequent access", "GB", 0.25)
SECONDS_A_MONTH = 365 / 12 * 86_400
PROVISIONED_WRITE_HOUR = 0.00065
# Per GB of memory and month, whether it is used or not.
PROVISIONED_CONCURRENCY_GB_MONTH = 0.0000033334 * SECONDS_A_MONTH
SNAP_START_CACHE_GB_MONTH = 0.0000015046 * SECONDS_A_MONTH
