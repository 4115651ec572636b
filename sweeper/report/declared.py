"""When the claims of a sweep were declared, and what they were before: a margin that was moved after a look is seen in every report."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import ValidationError

from sweeper.metrics import metric_info
from sweeper.records import SweepSnapshot
from sweeper.report.layout import in_utc
from sweeper.spec.sweep_spec import SweepSpec


def declaration_notes(snapshot: SweepSnapshot, spec: SweepSpec) -> list[str]:
    """A sentence on when these claims were first stored, and one for each version of the sweep that claims something else."""
    notes: list[str] = []
    if not metric_info(spec.metric.primary).reproducible:
        notes.append(
            f"{spec.metric.primary} decides, and is a machine's: seeds are repetitions on it, and contrasts say nothing of another one."
        )
    stored = snapshot.created
    looked: list[str] = []
    for version in snapshot.versions:
        try:
            other = SweepSpec.model_validate(version.spec)
        except ValidationError:
            continue  # of another release; it had no claims that this one reads
        which = f"version {version.version[:12]} of {_date(version.created)}"
        if changes := changed_claims(spec, other):
            when = "Claims changed since" if version.created <= snapshot.created else "Claims are otherwise in the later"
            notes.append(f"{when} {which}: {'; '.join(changes)}.")
        else:
            stored = min(stored, version.created)
        if other.sequential is not None and other.sequential.looks:
            looked.append(which)
    if spec.claims and spec.sequential is None and looked:
        notes.append(
            f"The claims were looked at by an alpha-spending rule in {looked[-1]}: verdicts at a fixed number of seeds, as here, spend"
            " alpha a second time and do not count beside it."
        )
    first = snapshot.first_result
    if spec.claims and first is not None:
        when = "before" if in_utc(stored) <= in_utc(first) else "AFTER"
        notes.insert(0, f"The claims were stored on {_date(stored)}, {when} the first result they are judged by ({_date(first)}).")
    return notes


def _date(moment: datetime) -> str:
    return f"{in_utc(moment):%Y-%m-%d %H:%M} UTC"


def changed_claims(spec: SweepSpec, earlier: SweepSpec) -> list[str]:
    """What an earlier version of the sweep claimed otherwise, a phrase each."""
    then, now = ({claim.name: claim for claim in each.claims} for each in (earlier, spec))
    found = [f"{name} was no claim" for name in now if name not in then]
    found += [f"{name} was a claim" for name in then if name not in now]
    for name in now.keys() & then.keys():
        before, after = (claim.model_dump(exclude={"name", "question", "expected"}) for claim in (then[name], now[name]))
        found += [
            f"{name} had {field} {_said(before[field])}, now {_said(after[field])}" for field in after if before[field] != after[field]
        ]
    if earlier.claims and spec.analysis != earlier.analysis:
        found.append(f"analysis was {_said(earlier.analysis)}, now {_said(spec.analysis)}")
    if earlier.claims and spec.metric != earlier.metric:
        fields = ("primary", "direction", "assumed_cv")
        pairs = [(field, getattr(earlier.metric, field), getattr(spec.metric, field)) for field in fields]
        found += [f"metric.{field} was {_said(a)}, now {_said(b)}" for field, a, b in pairs if a != b]
    return sorted(found)


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {inner}" for key, inner in value.items()) or "none"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
