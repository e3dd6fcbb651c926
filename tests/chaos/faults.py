"""What goes wrong, one row of docs/reliability.md each. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos import proxy
from tests.chaos.proxy import Trouble


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way in which things go wrong, from before the first task is sent until `seconds` after the last.

    Attributes:
        name: As the table shows it.
        engine: Faults of the engine.
        trouble: What happens between the functions and AWS.
        clients: Who sends the tasks, and to which provider; a name in `clients.CLIENTS`.
        provider_trouble: What happens between the functions and the provider.
        callback_status: With which status every callback of the engine must be answered, if only one is right.
        forged: Callbacks with valid tokens and made-up ids that come right before the tasks. As many tasks are sent
            without them first, and those beside them must not take more than twice as long.
        watch_queue: Whether the row says how long the confirm queues became.
        stream: Whether the ledger's stream is delivered at all.
        parameters: Of the template, that differ from those of the other rows.
        restart: Stop everything once all tasks are sent, and start it again.
        seconds: How long it lasts, at least.
        until_well: It does not end before all is well.
        outage: It ends so many seconds after it began: clients cannot submit while it lasts.
        keys: What the keys of the files end in, in turn.
        short: Whether `make test` runs it too.
    """

    name: str
    engine: Mapping[str, Any] = field(default_factory=dict)
    trouble: Trouble | None = None
    clients: str = "cts"
    provider_trouble: Trouble | None = None
    callback_status: int | None = None
    forged: int = 0
    watch_queue: bool = False
    stream: bool = True
    parameters: Mapping[str, str] = field(default_factory=dict)
    restart: bool = False
    seconds: float = 0
    until_well: bool = False
    outage: bool = False
    keys: tuple[str, ...] = ("",)
    short: bool = False


ODD_KEYS = (
    *(" a b", "a+b", "a#b", "a?b=c&d", "100%", "a%20b", "%E4%BD%A0", "%zz", "a%2Fb", "a//b", ".a..b"),
    *("\u4f60\u597d", "\u3000", "e\u0301", "\U0001f469\u200d\U0001f3a4", "~'()[]{}<>|^`\"\\", ";,:@=$!*"),
    *("\u540d" * 230, "k" * 700),
)

FAULTS = (
    Fault(name="none"),
    Fault(name="all callbacks dropped", engine={"drop_callbacks": True}, seconds=5, short=True),
    Fault(name="each callback five times", engine={"callback_copies": 5}, seconds=5),
    Fault(name="callbacks in reverse order", engine={"callback_reversed": 5}, seconds=10),
    Fault(name="callbacks up to 15 s late", engine={"callback_jitter": 15}, seconds=15),
    Fault(name="all callbacks cut in half", engine={"callback_corrupt": True}, seconds=5),
    Fault(name="all callbacks claim success", engine={"callback_lie": "success"}, seconds=5, short=True),
    Fault(name="all callbacks claim failure", engine={"callback_lie": "fail"}, seconds=5),
    Fault(name="provider answers 4400, every other call", engine={"api_error": 4400, "share": 0.5}, seconds=20),
    Fault(name="provider answers 4500, every other call", engine={"api_error": 4500, "share": 0.5}, seconds=20),
    Fault(name="provider answers 6000, every other call", engine={"api_error": 6000, "share": 0.5}, seconds=20),
    Fault(name="provider answers garbage, every other call", engine={"api_garbage": True, "share": 0.5}, seconds=20),
    Fault(name="provider hangs, one call in ten", engine={"api_hang": 15, "share": 0.1}, seconds=20),
    Fault(
        name="provider hangs for ten minutes, all calls",
        engine={"api_hang": 60},
        parameters={"CallsPerMinute": "200"},
        seconds=600,
        watch_queue=True,
    ),
    Fault(name="odd side fields in every answer", provider_trouble=proxy.odd_side_fields(), until_well=True),
    Fault(name="2,000 forged ids", forged=2000, watch_queue=True),
    Fault(name="provider refuses us (4100), all calls", engine={"api_error": 4100}, seconds=30),
    Fault(name="ledger throttles, three calls in ten", trouble=proxy.throttled(0.3), seconds=20, short=True),
    Fault(name="ledger down", trouble=proxy.down("dynamodb"), seconds=60, outage=True),
    Fault(name="ledger: every other save is overtaken", trouble=proxy.overtaken(0.5), seconds=10, short=True),
    Fault(
        name="ledger: three write answers in ten are lost",
        trouble=proxy.answers_lost(0.3, "dynamodb"),
        seconds=20,
        short=True,
    ),
    Fault(name="topic down", trouble=proxy.down("sns"), seconds=30, short=True),
    Fault(name="topic down for ten minutes", trouble=proxy.down("sns"), seconds=600),
    Fault(name="topic: every other answer is lost", trouble=proxy.answers_lost(0.5, "sns"), seconds=20),
    Fault(name="queues take no messages", trouble=proxy.down("sqs"), seconds=20),
    Fault(name="ledger and queues down", trouble=proxy.down("dynamodb", "sqs"), seconds=60, outage=True),
    Fault(name="a budget of 200 calls per minute", parameters={"CallsPerMinute": "200"}, seconds=5),
    Fault(name="stream never delivered", stream=False, seconds=5),
    Fault(name="functions killed after one write in twenty", trouble=proxy.killing(0.05), seconds=20),
    Fault(name="keys with odd characters", keys=ODD_KEYS, seconds=5),
    Fault(name="everything stopped and started again", restart=True),
    Fault(name="MPS: none", clients="mps"),
    Fault(name="MPS: all callbacks dropped", clients="mps", engine={"drop_callbacks": True}, until_well=True),
    Fault(
        name="MPS: all callbacks with a forged Sign",
        clients="mps",
        engine={"callback_wrong_sign": True},
        until_well=True,
        callback_status=401,
    ),
    Fault(
        name="MPS: callbacks repeated, late and in reverse order",
        clients="mps",
        engine={"callback_copies": 3, "callback_jitter": 15, "callback_reversed": 5},
        seconds=15,
    ),
    Fault(name="MPS: all answers are garbage", clients="mps", engine={"api_garbage": True}, seconds=10),
    Fault(
        name="MPS: every answer to a submit is cut, all callbacks dropped",
        clients="mps",
        engine={"drop_callbacks": True},
        provider_trouble=proxy.cut("ProcessMedia"),
        until_well=True,
        short=True,
    ),
    Fault(
        name="MPS: list only, other systems submitted",
        clients="mps, unreported",
        engine={"drop_callbacks": True},
        until_well=True,
    ),
    Fault(
        name="MPS: one output of each task fails",
        clients="mps",
        engine={"failed_sub_tasks": ["transcode_20", "transcode_1100"]},
        until_well=True,
    ),
    Fault(name="MPS: 500 forged ids", clients="mps", forged=500, watch_queue=True),
)
