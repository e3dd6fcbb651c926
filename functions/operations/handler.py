"""GET /status, /stuck, /circuits, /dead-letters: what an operator looks at, and the repairs by hand."""

from typing import Any

from mediarelay.aws_lambda.http import api_resolver, client_name, remaining
from mediarelay.aws_lambda.observability import observed
from mediarelay.contracts.api.dead_letters import (
    DeadLetterList,
    DeadLetterMessages,
    MessageQuery,
    PurgeRequest,
    PurgeResponse,
    QueueInPath,
    RedriveResponse,
    dead_letter_list,
    dead_letter_messages,
)
from mediarelay.contracts.api.responses import (
    ALWAYS,
    LEDGER_DOWN,
    NO_QUEUE,
    NOT_REDRIVABLE,
    PURGE_REFUSED,
    QUEUE_DOWN,
    success,
)
from mediarelay.contracts.api.status import (
    CircuitInPath,
    CircuitList,
    CircuitStatus,
    StatusResponse,
    StuckPage,
    StuckQuery,
    circuit_list,
    status_response,
    stuck_page,
)
from mediarelay.wiring.operations import circuits, dead_letters, status_reader, stuck_reader

STATUS, STUCK, CIRCUITS, DEAD_LETTERS = status_reader(), stuck_reader(), circuits(), dead_letters()
app = api_resolver()


@app.get(
    "/status",
    scope="read",
    operation_id="readStatus",
    tags=["operation"],
    summary="Read the state of the deployment",
    description=(
        "`problems` lists what an operator should know, errors first; the deployment is "
        "`healthy` if none is an error. The answer is 200 in both cases. No secret is shown."
    ),
    responses=success(StatusResponse, "The state") | ALWAYS | LEDGER_DOWN,
)
def read_status() -> dict[str, Any]:
    """Return the state of the deployment."""
    return status_response(STATUS.facts())


@app.get(
    "/stuck",
    scope="read",
    operation_id="listStuck",
    tags=["operation"],
    summary="List what is overdue, oldest first, with the reason",
    description="Everything that waits for longer than its duty allows.",
    responses=success(StuckPage, "A page") | ALWAYS | LEDGER_DOWN,
)
def list_stuck(query: StuckQuery) -> dict[str, Any]:
    """Return a page of what is overdue."""
    return stuck_page(STUCK.page(query.duties, query.limit, query.cursor))


@app.get(
    "/circuits",
    scope="admin",
    operation_id="listCircuits",
    tags=["operation"],
    summary="List the circuits of all actions of all providers",
    responses=success(CircuitList, "The circuits, open and closed") | ALWAYS | LEDGER_DOWN,
)
def list_circuits() -> dict[str, Any]:
    """Return all circuits."""
    return CircuitList(circuits=circuit_list(CIRCUITS.all())).model_dump(mode="json", exclude_none=True)


@app.post(
    "/circuits/<circuit>/close",
    scope="admin",
    operation_id="closeCircuit",
    tags=["operation"],
    summary="Close a circuit, so that the next call is made",
    description="If the provider still fails, five failures open the circuit again.",
    responses=success(CircuitStatus, "The closed circuit") | ALWAYS | NO_QUEUE | LEDGER_DOWN,
)
def close_circuit(circuit: CircuitInPath) -> dict[str, Any]:
    """Close a circuit."""
    closed = CIRCUITS.close(circuit, client_name(app.current_event.raw_event))
    return CircuitStatus.model_validate(closed).model_dump(mode="json", exclude_none=True)


@app.get(
    "/dead-letters",
    scope="admin",
    operation_id="listDeadLetters",
    tags=["operation"],
    summary="List the dead-letter queues",
    responses=success(DeadLetterList, "How many messages wait in each") | ALWAYS | QUEUE_DOWN,
)
def list_dead_letters() -> dict[str, Any]:
    """Return how many messages wait in each dead-letter queue."""
    return dead_letter_list(DEAD_LETTERS.counts())


@app.get(
    "/dead-letters/<queue>/messages",
    scope="admin",
    operation_id="readDeadLetters",
    tags=["operation"],
    summary="Look at messages of a dead-letter queue without removing them",
    description="The bodies are untrusted input.",
    responses=success(DeadLetterMessages, "Some messages") | ALWAYS | NO_QUEUE | QUEUE_DOWN,
)
def read_dead_letters(queue: QueueInPath, query: MessageQuery) -> dict[str, Any]:
    """Return some messages of a queue."""
    return dead_letter_messages(DEAD_LETTERS.messages(queue, query.limit))


@app.post(
    "/dead-letters/<queue>/redrive",
    scope="admin",
    operation_id="redriveDeadLetters",
    tags=["operation"],
    summary="Move the messages of a dead-letter queue back to the queue that they come from",
    description=(
        "Moves up to 1,000 messages. Repeat the request until `remaining` is 0. A message is "
        "sent before it is deleted, so none is lost, and one may be processed twice."
    ),
    responses=success(RedriveResponse, "What was moved") | ALWAYS | NO_QUEUE | NOT_REDRIVABLE | QUEUE_DOWN,
)
def redrive_dead_letters(queue: QueueInPath) -> dict[str, Any]:
    """Move messages back."""
    client, time_left = client_name(app.current_event.raw_event), remaining(app.lambda_context)
    return RedriveResponse.model_validate(DEAD_LETTERS.redrive(queue, client, time_left)).model_dump()


@app.post(
    "/dead-letters/<queue>/purge",
    scope="admin",
    operation_id="purgeDeadLetters",
    tags=["operation"],
    summary="Delete all messages of a dead-letter queue",
    description=(
        "Needs the queue's name again in `confirm`. CallbackBacklogDeadLetters holds the only "
        "copy of its callbacks and is purged only while it is empty."
    ),
    responses=success(PurgeResponse, "What was deleted") | ALWAYS | NO_QUEUE | PURGE_REFUSED | QUEUE_DOWN,
)
def purge_dead_letters(queue: QueueInPath, request: PurgeRequest) -> dict[str, Any]:
    """Delete the messages of a queue."""
    purged = DEAD_LETTERS.purge(queue, request.confirm, client_name(app.current_event.raw_event))
    return PurgeResponse(purged=purged).model_dump()


handler = observed(app.resolve)
