"""A plan as people read it, block by block."""

from collections.abc import Callable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeper.service.plan_doubts import doubts
from sweeper.service.plan_sweep import PlannedSweep
from sweeper.spec.design_kinds import FractionalDesign
from sweeper.visible import lines, one_line

LISTED = 40
"""Trials listed one by one; a larger sweep shows its counts and its folded cells."""
SOURCES = {"measured": "measured", "preflight": "measured by the preflight", "estimated": "estimated"}


def print_plan(planned: PlannedSweep, checked: dict[str, str], console: Console) -> None:
    """`checked`: what a preflight did, by variant."""
    for block in BLOCKS:
        block(planned, console)
    if checked:
        for what in dict.fromkeys(checked.values()):
            names = [name for name, done in checked.items() if done == what]
            console.print(Text(one_line(f"preflight on the CPU ({what}): {', '.join(names)}")))
    _trials(planned, console)


def _heading(planned: PlannedSweep, console: Console) -> None:
    sweep, decisions = planned.sweep, planned.plan.decisions
    console.print(Text(f"{sweep.spec.name} (profile {sweep.profile}, version {sweep.version})", style="bold"))
    console.print(Text(lines(sweep.spec.question)))
    counts = ", ".join(f"{n} {action}" for action, n in planned.plan.count().items())
    console.print(f"\n{len(sweep.configs)} variants x {len(sweep.spec.seeds)} seeds = {len(decisions)} trials: {counts}")


def _place(planned: PlannedSweep, console: Console) -> None:
    allotment = planned.allotment
    place = allotment.device or "a device that is not on this machine"
    gpus = f", {allotment.gpus:g} GPU" if allotment.gpus else ""
    processes = f"in {allotment.processes} processes of " if allotment.processes > 1 else ""
    threads = f"{processes}{allotment.threads} torch threads"
    console.print(f"each on {place}: {allotment.cpus:g} CPU{gpus}, {threads}; {_at_once(planned)}")
    for facts in dict.fromkeys(planned.facts.values()):
        console.print(
            f"data {facts.content_hash}: {facts.train:,} images to train on, {facts.held_out:,} held out,"
            f" {facts.channels} x {facts.resolution} x {facts.resolution}, {facts.classes} classes"
        )


def _cost(planned: PlannedSweep, console: Console) -> None:
    time, allotment = planned.time, planned.allotment
    if time.paces:
        hours = time.trial_seconds / 3600
        cost = f"{hours * allotment.gpus:.3g} GPU hours" if allotment.gpus else f"{hours * allotment.cpus:.3g} core hours"
        wall = f"at least {duration(time.longest_seconds)}" if time.wall_seconds is None else f"about {duration(time.wall_seconds)}"
        console.print(f"time, evaluations included: {cost}, {wall} of wall clock")
        for source, how, number in time.sources():
            console.print(Text(f"  {SOURCES[source]} for {number} variant{'s' if number > 1 else ''}: {how}"))
    console.print(f"disk for checkpoints: about {size(planned.disk_bytes)}")


def _contrasts(planned: PlannedSweep, console: Console) -> None:
    for name, reasons in doubts(planned).items():
        for reason in reasons:
            console.print(Text(one_line(f"contrast {name}: {reason}")))


def _aliases(planned: PlannedSweep, console: Console) -> None:
    design = planned.sweep.spec.design
    if isinstance(design, FractionalDesign):
        console.print("aliases (effects that this fraction gives only the sum of; interactions of three factors and more left out):")
        for row in design.aliases():
            console.print(Text(f"  {row}"))


BLOCKS: tuple[Callable[[PlannedSweep, Console], None], ...] = (_heading, _place, _cost, _contrasts, _aliases)
"""In the order of the page, above the trials."""


def _trials(planned: PlannedSweep, console: Console) -> None:
    decisions = planned.plan.decisions
    console.print()
    if len(decisions) > LISTED:
        folded = {d.trial.variant: d.reason for d in decisions if d.action == "fold"}
        for variant, reason in list(folded.items())[:LISTED]:
            console.print(Text(one_line(f"{variant}: {reason}")))
        console.print(f"(more than {LISTED} trials: --json lists every one)")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("trial", "variant", "seed", "steps", "action", "reason"):
        table.add_column(column, justify="right" if column in ("seed", "steps") else "left")
    for d in decisions:
        row = (d.trial.fingerprint[:8], d.trial.variant, str(d.trial.seed), f"{d.trial.steps:,}", d.action, d.reason)
        table.add_row(*(Text(one_line(cell)) for cell in row))
    console.print(table)


def _at_once(planned: PlannedSweep) -> str:
    return "as many at once as the cluster holds" if planned.allotment.device is None else f"{planned.allotment.concurrent} at once"


def size(count: int) -> str:
    """Bytes in words: '12 MiB'."""
    left = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if left < 1024:
            return f"{left:.0f} {unit}"
        left /= 1024
    return f"{left:.1f} TiB"


def duration(seconds: float) -> str:
    """Seconds in words, by the two largest units: '45 s', '3 min 53 s', '2 h 10 min', '5 days 3 h'."""
    whole = round(seconds)
    for unit, length, smaller, part in (("days", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= (2 * length if unit == "days" else length):
            rest = whole % length // part
            return f"{whole // length} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"
