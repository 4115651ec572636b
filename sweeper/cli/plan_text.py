"""A plan as people read it, block by block."""

from collections.abc import Callable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeper.plan.cost import bytes_in_words
from sweeper.report import numbers
from sweeper.service.contrast_warnings import doubts, not_comparable
from sweeper.service.disk_space import DiskSpace
from sweeper.service.plan_sweep import PlannedSweep, passes_by_variant
from sweeper.service.search_plan import SearchPlan
from sweeper.spec.design_kinds import FractionalDesign
from sweeper.spec.search_design import SearchDesign
from sweeper.visible import lines, one_line

LISTED = 40
"""Trials listed one by one; a larger sweep shows its counts and its folded cells."""
SOURCES = {"measured": "measured", "preflight": "measured by the preflight", "estimated": "estimated"}


def print_plan(planned: PlannedSweep, checked: dict[str, str], space: DiskSpace, console: Console) -> None:
    """`checked`: what a preflight did, by variant."""
    for block in BLOCKS:
        block(planned, console)
        if block is _cost:
            _disk(planned, space, console)
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
    if planned.search is not None:
        _search(planned, planned.search, counts, console)
        return
    console.print(f"\n{len(sweep.configs)} variants x {len(sweep.spec.seeds)} seeds = {len(decisions)} trials: {counts}")


def _search(planned: PlannedSweep, search: SearchPlan, counts: str, console: Console) -> None:
    spec, hours = planned.sweep.spec, planned.allotment.gpus or planned.allotment.cpus
    design = spec.design
    assert isinstance(design, SearchDesign), "a search"
    unit = "GPU hours" if planned.allotment.gpus else "core hours"
    seeds = f" at {len(spec.seeds)} seeds" if len(spec.seeds) > 1 else ""
    console.print(
        f"\nsearch by {design.sampler}: {search.proposed} of {search.trials} proposals over {len(design.space)} factors so far{seeds}"
    )
    if counts:
        console.print(f"their trials: {counts}")
    if design.confirm is not None:
        fresh = len(design.confirm.seeds)
        console.print(f"then the best {design.confirm.top} and the baseline on {fresh} fresh seeds: {search.confirmations} trials")

    def cost(seconds: float) -> str:
        return f"{seconds * hours / 3600:.3g} {unit}"

    expected = f"; as expected, with early stopping, {cost(search.expected_seconds)}" if search.expected_seconds is not None else ""
    console.print(f"cost of what is left: at most {cost(search.most_seconds)}{expected if design.stopping is not None else ''}")
    if search.grid is None or search.grid_seconds is None:
        console.print("the full grid of this space: none, a range without `step` has no end of values")
    else:
        console.print(f"the full grid of this space: {search.grid:,} points, {cost(search.grid_seconds)}")


def _place(planned: PlannedSweep, console: Console) -> None:
    allotment = planned.allotment
    place = allotment.device or "a device that is not on this machine"
    gpus = f", {allotment.gpus:g} GPU" if allotment.gpus else ""
    processes = f"in {allotment.processes} processes of " if allotment.processes > 1 else ""
    threads = f"{processes}{allotment.threads} torch threads"
    console.print(f"each on {place}: {allotment.cpus:g} CPU{gpus}, {threads}; {_at_once(planned)}")
    for facts in dict.fromkeys(planned.facts.values()):
        of = f" of {facts.train + facts.left_out:,}" if facts.left_out else ""
        console.print(
            f"data {facts.content_hash}: {facts.train:,}{of} images to train on, {facts.held_out:,} held out,"
            f" {facts.channels} x {facts.resolution} x {facts.resolution}, {facts.classes} classes"
        )
        if facts.classes_in_words:
            console.print(Text(f"  labels: {one_line(facts.classes_in_words)}"))
        for remark in facts.remarks:
            console.print(Text(f"  note: {one_line(remark)}"))


def _passes(planned: PlannedSweep, console: Console) -> None:
    passes = passes_by_variant(planned).values()
    if passes:
        ends = dict.fromkeys(map(numbers.tenths, (min(passes), max(passes))))
        console.print(f"passes over the training images (steps x batch size / images): {' to '.join(ends)}")


def _cost(planned: PlannedSweep, console: Console) -> None:
    time, allotment = planned.time, planned.allotment
    if time.paces:
        hours = time.trial_seconds / 3600
        cost = f"{hours * allotment.gpus:.3g} GPU hours" if allotment.gpus else f"{hours * allotment.cpus:.3g} core hours"
        wall = f"at least {duration(time.longest_seconds)}" if time.wall_seconds is None else f"about {duration(time.wall_seconds)}"
        console.print(f"time, evaluations included: {cost}, {wall} of wall clock")
        for source, how, number in time.sources():
            console.print(Text(f"  {SOURCES[source]} for {number} variant{'s' if number > 1 else ''}: {how}"))


def _disk(planned: PlannedSweep, space: DiskSpace, console: Console) -> None:
    need = space.need
    there = f", of which {bytes_in_words(space.there)} are there" if space.there else ""
    free = f"; {bytes_in_words(space.free)} are free in {space.place}" if space.free is not None and need.meanwhile else ""
    meanwhile = f"up to {bytes_in_words(need.meanwhile)} meanwhile{there}"
    at_end = f"about {bytes_in_words(need.at_end)} at the end (keep: {planned.sweep.spec.keep})"
    console.print(Text(one_line(f"disk for checkpoints: {at_end}, {meanwhile}{free}")), soft_wrap=True)
    if warning := space.warning():
        console.print(Text(one_line(warning), style="bold red"), soft_wrap=True)


def _contrasts(planned: PlannedSweep, console: Console) -> None:
    if apart := not_comparable(planned):
        console.print(Text(one_line(apart)))
    for name, reasons in doubts(planned).items():
        for reason in reasons:
            console.print(Text(one_line(f"contrast {name}: {reason}")))


def _aliases(planned: PlannedSweep, console: Console) -> None:
    design = planned.sweep.spec.design
    if isinstance(design, FractionalDesign):
        console.print("aliases (effects that this fraction gives only the sum of; interactions of three factors and more left out):")
        for row in design.aliases():
            console.print(Text(f"  {row}"))


BLOCKS: tuple[Callable[[PlannedSweep, Console], None], ...] = (_heading, _place, _passes, _cost, _contrasts, _aliases)
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


def duration(seconds: float) -> str:
    """Seconds in words, by the two largest units: '45 s', '3 min 53 s', '2 h 10 min', '5 days 3 h'."""
    whole = round(seconds)
    for unit, length, smaller, part in (("days", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= (2 * length if unit == "days" else length):
            rest = whole % length // part
            return f"{whole // length} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"
