"""`python -m benchmarks.cost [TASKS_A_DAY]`: what a stack costs a month on AWS, without the provider's own bill.

A model, not a measurement: quantities per task and per stack, times public prices. It ignores AWS's free tiers and data
transfer. It assumes tasks of MPS with a callback, one read by a client, no songs, and every option at its default.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

REGION = "us-east-1"
# Compare with https://aws.amazon.com/pricing before a decision.
PRICED_ON = "2025-11"
DAYS = 365 / 12
TASKS_A_DAY = 1000
MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Price:
    """A public price in US dollars for a number of units."""

    service: str
    unit: str
    dollars: float
    per: float = 1


MILLION = 1e6
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
# A task in the life of this stack: submitted, claimed by a callback, confirmed by a query, published, read.
PER_TASK: Mapping[str, float] = {
    # Submit, callback and read.
    "api_requests": 3,
    # Submit and read with their authorizer, callback, four changes of the stream, confirm.
    "invocations": 10,
    # 512 MB for 1.2 s, of which the calls of the provider take most.
    "gb_seconds": 0.6,
    # The intent, four observations with the task item, and its entries in three indexes.
    "writes": 45,
    "reads": 25,
    # Send, receive and delete of a confirm message, and its repeat.
    "sqs_requests": 6,
    "publishes": 2,
    # 300 bytes a line, two lines an invocation, and the metrics.
    "log_gb": 10e-6,
}
# Poll (twice) and sweep run once a minute, reconcile every five minutes.
TICKS_A_DAY = MINUTES_A_DAY * (3 + 1 / 5)
PER_DAY: Mapping[str, float] = {
    "invocations": TICKS_A_DAY,
    "gb_seconds": TICKS_A_DAY * 0.1,
    # A tick reads four shards of each of its duties.
    "reads": TICKS_A_DAY * 12,
    "schedules": TICKS_A_DAY,
    "log_gb": TICKS_A_DAY * 1e-6,
    # Lambda keeps five receive calls of 20 s open for each of the four queues.
    "sqs_requests": MINUTES_A_DAY * 15 * 4,
    # Each warm environment reads its secrets every five minutes.
    "secret_calls": MINUTES_A_DAY / 5 * 8,
}
PER_MONTH: Mapping[str, float] = {"metrics": 13, "alarm_metrics": 44, "secrets": 5, "keys": 1}
# The log of a task takes 12 KB. Tasks are never deleted, so this is the storage after a year.
STORED_GB_PER_TASK = 12e-6
STORED_DAYS = 365


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the bill: a price, how many units a month has, and what they cost in US dollars."""

    price: Price
    quantity: float

    @property
    def dollars(self) -> float:
        """The cost of the line."""
        return self.quantity / self.price.per * self.price.dollars


def bill(tasks_a_day: float) -> list[Line]:
    """Return the lines of a month's bill with so many tasks a day, in the order of `PRICES`."""
    quantities = {name: _quantity(name, tasks_a_day) for name in PRICES}
    return [Line(price, quantities[name]) for name, price in PRICES.items()]


def total(tasks_a_day: float) -> float:
    """Return the dollars of a month with so many tasks a day."""
    return sum(line.dollars for line in bill(tasks_a_day))


def _quantity(name: str, tasks_a_day: float) -> float:
    if name == "stored_gb":
        return tasks_a_day * STORED_DAYS * STORED_GB_PER_TASK
    a_day = PER_TASK.get(name, 0) * tasks_a_day + PER_DAY.get(name, 0)
    return a_day * DAYS + PER_MONTH.get(name, 0)


def main() -> None:
    """Print the bill."""
    tasks = float(sys.argv[1]) if len(sys.argv) > 1 else TASKS_A_DAY
    print(f"{tasks:,.0f} tasks a day in {REGION}, prices of {PRICED_ON}\n")
    for line in bill(tasks):
        print(f"{line.price.service:45}{line.quantity:>14,.1f} {line.price.unit:18}{line.dollars:>8.2f} $")
    print(f"{'together':78}{total(tasks):>8.2f} $")


if __name__ == "__main__":
    main()
