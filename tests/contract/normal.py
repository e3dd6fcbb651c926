"""Facts as plain JSON values: what a payload's `.expected.json` holds. What is not stated is left out."""

from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, get_args

from mediarelay.domain.tasks.spec import Spec

SPECS = get_args(Spec)


def plain(value: Any) -> Any:
    if is_dataclass(value):
        names = (field.name for field in fields(value) if not isinstance(value, SPECS) or field.name != "type")
        members = {name: plain(getattr(value, name)) for name in names}
        stated = {
            name: member
            for name, member in members.items()
            if member not in (None, [], {}) and (name, member) != ("partial", False)
        }
        return {"is": type(value).__name__, **stated} if isinstance(value, SPECS) else stated
    if isinstance(value, tuple):
        return [plain(member) for member in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value
