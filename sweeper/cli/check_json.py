"""What `check --json` prints, as types: mypy checks the writer against them, and `sweeper schema --check` prints them."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from sweeper.spec.checking import Checked
from sweeper.spec.sweep_size import size_of


@with_config(extra="forbid")
class FaultShape(TypedDict):
    line: Annotated[int | None, Field(description="From 1; null where the file has no line for it.")]
    column: Annotated[int | None, Field(description="From 1, in characters.")]
    message: Annotated[str, Field(description="The field, the rule, the value, and what to write instead.")]


@with_config(extra="forbid")
class CheckedSweepShape(TypedDict):
    name: str
    profile: str
    version: Annotated[str, Field(description="Hash of the resolved spec.")]
    question: str
    variants: Annotated[int, Field(description="Of a search, how many are proposed.")]
    seeds: int
    trials: Annotated[int, Field(description="All together, those that confirm a search too.")]


@with_config(extra="forbid")
class CheckShape(TypedDict):
    file: str
    faults: Annotated[list[FaultShape], Field(description="In the order of the file; empty when it is a sweep.")]
    sweep: Annotated[CheckedSweepShape | None, Field(description="null while there are faults.")]


def check_schema() -> dict[str, Any]:
    """JSON Schema of `check --json`."""
    return TypeAdapter(CheckShape).json_schema()


def check_of(file: Path, checked: Checked) -> CheckShape:
    """What a look at a file found."""
    faults: list[FaultShape] = [{"line": fault.line, "column": fault.column, "message": fault.message} for fault in checked.faults]
    return {"file": str(file), "faults": faults, "sweep": _sweep(checked)}


def _sweep(checked: Checked) -> CheckedSweepShape | None:
    if checked.sweep is None:
        return None
    spec, size = checked.sweep.spec, size_of(checked.sweep)
    return {
        "name": spec.name,
        "profile": checked.sweep.profile,
        "version": checked.sweep.version,
        "question": spec.question,
        "variants": size.variants,
        "seeds": size.seeds,
        "trials": size.trials,
    }
