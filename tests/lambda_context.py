"""What Lambda hands to a handler: its context, and a queue's batch."""

from typing import Any


class Context:
    """Lambda's context, as far as Powertools and handlers look at it."""

    function_name = "example"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:example"
    aws_request_id = "example-request"

    def get_remaining_time_in_millis(self) -> int:
        return 50_000


def messages(*names: str) -> dict[str, Any]:
    """A batch of SQS messages; each has its name as id and body."""
    return {"Records": [{"messageId": name, "body": name} for name in names]}
