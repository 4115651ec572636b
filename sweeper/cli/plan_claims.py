"""The part of `sweeper plan` on claims: seeds they need, and what the seeds given can claim instead."""

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from sweeper.plan.power_analysis import describe
from sweeper.service.plan_claims import ClaimsPlan
from sweeper.visible import one_line


def claims_as_mapping(found: ClaimsPlan | None) -> dict[str, Any] | None:
    """For `--json`; null for a sweep that claims nothing."""
    if found is None:
        return None
    primary = next(iter(found.priors.values()), None)
    priors = {metric: asdict(prior) for metric, prior in found.priors.items()}
    return {"prior": None if primary is None else asdict(primary), "priors": priors, "claims": [asdict(one) for one in found.analyses]}


def print_claims(found: ClaimsPlan | None, pilot: str, console: Console) -> None:
    """`pilot`: the command that runs the sweep's pilot, named where no trial has measured a spread yet."""
    if found is None:
        return
    many = f", Holm over {len(found.analyses)}" if len(found.analyses) > 1 else ""
    console.print(Text(f"\nclaims (power .8{many})", style="bold"))
    for metric, prior in found.priors.items():
        of = f" of {metric}" if len(found.priors) > 1 else ""
        console.print(f"spread over seeds{of} {prior.cv:.2%}: {prior.source}")
    if not all(prior.measured for prior in found.priors.values()):
        console.print(Text(f"to count with a spread that was measured: {pilot}"), soft_wrap=True)
    for one, sentence in zip(found.analyses, describe(found.analyses), strict=True):
        of = f", on {one.metric}" if len(found.priors) > 1 and one.metric in found.priors else ""
        console.print(Text(one_line(f"{one.name}{of}: {one.kind.replace('_', ' ')}")))
        console.print(Padding(Text(one_line(sentence)), (0, 0, 0, 2)))
    if all(one.blocks is not None or one.kind == "finishes_more" for one in found.analyses):
        return  # signs are flipped of pairs
    given, floor = found.analyses[0].given, found.analyses[0].sign_flip_floor
    console.print(
        f"a two-sided sign-flip test of {given} paired seeds cannot go below p = {floor:.2g}: "
        "what is claimed with so few rests on the t distribution"
        if floor > 0.05
        else f"smallest p of a two-sided sign-flip test of {given} paired seeds: {floor:.2g}"
    )
