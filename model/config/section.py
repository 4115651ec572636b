"""The base of every config section, and how a section becomes part of a fingerprint."""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError


class Section(BaseModel):
    """A frozen part of the config: unknown keys are refused, the docstring under a field is its help text."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, validate_default=True)


MOST = 10**9
"""Of anything that is counted: more is a slip of the finger, and numbers without end overflow what is reckoned from them."""
MOST_STEPS = 2**31 - 1
"""What databases count in four bytes."""
LARGEST_SEED = 2**63 - 1

NOT_IDENTITY: dict[str, Any] = {"identity": False}
"""`json_schema_extra` of a field that does not change the weights at a given step (cadences, budgets, paths)."""


def added_later(implied: Any) -> dict[str, Any]:
    """`json_schema_extra` of a field younger than stored fingerprints.

    `implied` is the value that older code had without naming it. While the field holds it, it is left out of the hash, so old trials
    keep their names.
    """
    return {"implied": implied}


def identity(section: Section) -> dict[str, Any]:
    """The part of a section that names a result: JSON-ready, without `NOT_IDENTITY` fields and implied values."""
    payload: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        mark = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        value = getattr(section, name)
        plain = _plain(value)
        if mark.get("identity") is False or ("implied" in mark and plain == mark["implied"]):
            continue
        payload[name] = plain
    return payload


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return identity(value) if isinstance(value, Section) else value


def first_fault(error: ValidationError) -> str:
    """Key path and message of the first of pydantic's findings."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}"
