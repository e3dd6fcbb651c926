"""The queues of a deployment by their names in the template, and what each dead-letter queue is for.

dead letters                sources                            redrive   purge                alarm is
ConfirmDeadLetters          ConfirmQueue, ConfirmUnknownQueue  yes       yes: tasks stay due  an error
SubmitDeadLetters           SubmitQueue                        yes       yes: intents stay    a warning: Sweep repeats
CallbackBacklogDeadLetters  CallbackBacklog                    yes       no: the only copy    an error
DeliveryDeadLetters         DeliveryQueue                      yes       yes: all stay due    a warning: Sweep repeats
DispatchDeadLetters         none: they name stream records     no        yes: Sweep does it   a warning: Sweep repeats
ScheduleDeadLetters         none: the next run does the work   no        yes                  an error
"""

from dataclasses import dataclass

from mediarelay.domain.operations.severity import Severity

CONFIRM, CONFIRM_UNKNOWN, SUBMIT = "ConfirmQueue", "ConfirmUnknownQueue", "SubmitQueue"
BACKLOG, DELIVERY = "CallbackBacklog", "DeliveryQueue"
# A deployment without HTTP delivery has no DeliveryQueue, and no dead letters of it.
QUEUES = (CONFIRM, CONFIRM_UNKNOWN, SUBMIT, BACKLOG, DELIVERY)


@dataclass(frozen=True, slots=True)
class DeadLetterQueue:
    """A dead-letter queue.

    Attributes:
        name: Its name in the template.
        sources: The queues that its messages come from; the first one takes a message that does not name its own.
            Empty if its messages cannot be processed again.
        severity: How bad a message in it is.
        is_only_copy: Whether its messages are stored nowhere else, so that purging it loses data.
    """

    name: str
    sources: tuple[str, ...]
    severity: Severity
    is_only_copy: bool = False


DEAD_LETTERS = {
    queue.name: queue
    for queue in (
        DeadLetterQueue("ConfirmDeadLetters", (CONFIRM, CONFIRM_UNKNOWN), Severity.ERROR),
        DeadLetterQueue("SubmitDeadLetters", (SUBMIT,), Severity.WARNING),
        DeadLetterQueue("CallbackBacklogDeadLetters", (BACKLOG,), Severity.ERROR, is_only_copy=True),
        DeadLetterQueue("DeliveryDeadLetters", (DELIVERY,), Severity.WARNING),
        DeadLetterQueue("DispatchDeadLetters", (), Severity.WARNING),
        DeadLetterQueue("ScheduleDeadLetters", (), Severity.ERROR),
    )
}
