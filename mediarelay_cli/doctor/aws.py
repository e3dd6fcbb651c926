"""Checks of what AWS itself knows: routes, subscriptions, and differences from the template."""

import time
from collections.abc import Iterator
from typing import Any

from mediarelay_cli.doctor.model import Result, Stack, Status

METHODS = frozenset({"get", "post", "put", "patch", "delete", "head"})
PENDING = "PendingConfirmation"
DRIFT_SECONDS, DRIFT_PAUSE = 180.0, 5.0
UNCHANGED = frozenset({"IN_SYNC", "NOT_CHECKED"})


def routes(stack: Stack) -> Iterator[Result]:
    """Each operation that the stack's OpenAPI document describes is a route of API Gateway."""
    described = stack.session.api.get("/openapi.json")["paths"]
    wanted = {
        f"{method.upper()} {path}" for path, methods in described.items() for method in methods if method in METHODS
    }
    missing = sorted(wanted - set(_routes(stack)))
    if missing:
        yield Result(
            Status.ERROR, f"missing: {', '.join(missing)}", "Deploy the template; another tool changed the API."
        )
    else:
        yield Result(Status.OK, f"all {len(wanted)} operations of the OpenAPI document exist")


def _routes(stack: Stack) -> Iterator[str]:
    more: dict[str, Any] = {}
    while True:
        page = stack.session.aws("apigatewayv2", "get_routes", ApiId=stack.session.output("ApiId"), **more)
        yield from (str(one["RouteKey"]) for one in page["Items"])
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}


def subscriptions(stack: Stack) -> Iterator[Result]:
    """No subscription of the topic waits for its confirmation."""
    topic = stack.session.output("TopicArn")
    found = stack.session.aws("sns", "list_subscriptions_by_topic", TopicArn=topic)["Subscriptions"]
    for one in found:
        if one["SubscriptionArn"] == PENDING:
            action = "Its owner must open the link that SNS sent, or confirm it by the API."
            yield Result(Status.WARNING, f"{one['Protocol']} {one['Endpoint']} is not confirmed", action)
    if all(one["SubscriptionArn"] != PENDING for one in found):
        yield Result(Status.OK, f"{len(found)} subscriptions, all confirmed")


def drift(stack: Stack) -> Iterator[Result]:
    """No resource differs from the template."""
    name = stack.session.profile.stack
    detection = stack.session.aws("cloudformation", "detect_stack_drift", StackName=name)["StackDriftDetectionId"]
    state = _detected(stack, detection)
    if state["DetectionStatus"] != "DETECTION_COMPLETE":
        reason = state.get("DetectionStatusReason", f"not done after {DRIFT_SECONDS:.0f} s")
        yield Result(Status.WARNING, f"drift detection: {reason}", "Repeat the command, or look at the console.")
        return
    changed = list(_changed(stack, name))
    for one in changed:
        detail = f"{one['LogicalResourceId']} ({one['ResourceType']}) is {one['StackResourceDriftStatus']}"
        yield Result(Status.WARNING, detail, "Deploy the template again, or put the change into it.")
    if not changed:
        yield Result(Status.OK, "no resource differs from the template")


def _detected(stack: Stack, detection: str) -> dict[str, Any]:
    """Return the state of a drift detection, once it has ended or has taken too long."""
    end = time.monotonic() + DRIFT_SECONDS
    operation = "describe_stack_drift_detection_status"
    while True:
        state: dict[str, Any] = stack.session.aws("cloudformation", operation, StackDriftDetectionId=detection)
        if state["DetectionStatus"] != "DETECTION_IN_PROGRESS" or time.monotonic() > end:
            return state
        time.sleep(DRIFT_PAUSE)


def _changed(stack: Stack, name: str) -> Iterator[dict[str, Any]]:
    more: dict[str, Any] = {}
    while True:
        page = stack.session.aws("cloudformation", "describe_stack_resource_drifts", StackName=name, **more)
        yield from (one for one in page["StackResourceDrifts"] if one["StackResourceDriftStatus"] not in UNCHANGED)
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}
