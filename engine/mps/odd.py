"""Odd forms in which answers and callbacks have been seen, as pure changes of their JSON. Faults turn them on."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

Json = dict[str, Any]
OddForm = Literal[
    "zero_definition",
    "empty_error_ext",
    "no_error_ext",
    "zero_progress",
    "no_progress",
    "no_nulls",
    "text_numbers",
    "wrapped",
]


def make_odd(body: Json, forms: tuple[OddForm, ...]) -> Json:
    """Apply forms to an answer without its envelope, or to a callback. `wrapped` applies to callbacks only."""
    for form in forms:
        body = _FORMS[form](body)
    return body


def wrap(body: Json, forms: tuple[OddForm, ...]) -> Json:
    """Wrap a callback as an answer of the API is, if the forms include `wrapped`."""
    return {"Response": body} if "wrapped" in forms else body


def _change(value: Any, change: Callable[[Json], Json]) -> Any:
    """Apply a change to every object within some JSON, the inner ones first."""
    if isinstance(value, list):
        return [_change(item, change) for item in value]
    if isinstance(value, dict):
        return change({name: _change(item, change) for name, item in value.items()})
    return value


def _everywhere(change: Callable[[Json], Json]) -> Callable[[Json], Json]:
    def changed(body: Json) -> Json:
        return dict(_change(body, change))

    return changed


def _succeeds(name: str, value: str | int) -> Callable[[Json], Json]:
    """Return a change of a member of successful results, if they have it."""
    return lambda found: found | {name: value} if found.get("Status") == "SUCCESS" and name in found else found


def _without(*names: str) -> Callable[[Json], Json]:
    return lambda found: {name: value for name, value in found.items() if name not in names}


def _zero_definition(found: Json) -> Json:
    output = found.get("Output")
    return found | {"Output": output | {"Definition": 0}} if isinstance(output, dict) else found


def _without_nulls(found: Json) -> Json:
    return {name: value for name, value in found.items() if value is not None}


_NUMBERS = frozenset({"Bitrate", "Definition", "Duration", "Height", "Size", "Width"})


def _text_numbers(found: Json) -> Json:
    return found | {name: str(value) for name, value in found.items() if name in _NUMBERS}


_FORMS: Mapping[OddForm, Callable[[Json], Json]] = {
    "zero_definition": _everywhere(_zero_definition),
    "empty_error_ext": _everywhere(_succeeds("ErrCodeExt", "")),
    "no_error_ext": _everywhere(_without("ErrCodeExt")),
    "zero_progress": _everywhere(_succeeds("Progress", 0)),
    "no_progress": _everywhere(_without("Progress", "Channel")),
    "no_nulls": _everywhere(_without_nulls),
    "text_numbers": _everywhere(_text_numbers),
    "wrapped": lambda body: body,
}
