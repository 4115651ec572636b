"""What a page shows beyond the tables: trials one by one, curves over training, samples side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sweeper.metrics import MetricInfo
from sweeper.plan.proposals import Proposal
from sweeper.records import Metrics, SweepSnapshot, TrialCurves, TrialOutcome
from sweeper.report.results import Report
from sweeper.states import TrialState
from sweeper.stats.summaries import Summary, summarise

CURVES = ("held_out_loss", "held_out_noise_loss", "train_loss")
"""Training curves that a page draws, where trials have them."""
MOST_DRAWN = 100
"""Variants, contrasts, claims and effects that plots show: nobody reads more, and a browser needs a minute for ten thousand."""
_MOST_POINTS = 2_400
"""Of one metric's curves, over all variants: a page stays small however many there are."""


@dataclass(frozen=True)
class TrialLine:
    """One trial."""

    variant: str
    seed: int
    fingerprint: str
    state: TrialState
    step: int
    steps: int
    attempts: int
    metrics: Metrics
    error: str | None
    link: str | None
    """Address of its MLflow run, where one is known."""


@dataclass(frozen=True)
class Curve:
    """One metric of one variant over training: its values over seeds at each step."""

    metric: MetricInfo
    variant: str
    points: tuple[tuple[int, Summary], ...]


@dataclass(frozen=True)
class SampleGrid:
    """Samples of one trial as a picture (PNG): a column per label, a row per draw, the same noise for every trial."""

    variant: str
    seed: int
    png: bytes
    columns: int
    """0 where the picture does not say."""


@dataclass(frozen=True)
class ReportPage:
    """A report with all that its page shows."""

    report: Report
    trials: tuple[TrialLine, ...]
    curves: tuple[Curve, ...]
    grids: tuple[SampleGrid, ...] = ()
    left_out: str = ""
    """Which samples are not shown, where some are not."""


def build_page(
    snapshot: SweepSnapshot,
    curves: Mapping[str, TrialCurves],
    report: Report,
    *,
    links: Mapping[str, str] | None = None,
    grids: Sequence[SampleGrid] = (),
    left_out: str = "",
) -> ReportPage:
    """`curves` and `links` are by fingerprint; `grids` in the order in which they are shown."""
    trials = tuple(
        TrialLine(
            outcome.variant,
            outcome.seed,
            outcome.fingerprint,
            outcome.state,
            outcome.step,
            outcome.steps,
            outcome.attempts,
            outcome.metrics if outcome.has_result else {},
            outcome.error,
            (links or {}).get(outcome.fingerprint),
        )
        for outcome in _in_order(snapshot, report)
    )
    return ReportPage(report, trials, tuple(_curves(compared(snapshot, report), curves, report)), tuple(grids), left_out)


def compared(snapshot: SweepSnapshot, report: Report) -> SweepSnapshot:
    """Without the trials of a search that no row of the report is made of."""
    names = {row.name for row in report.variants}
    outcomes = tuple(outcome for outcome in snapshot.outcomes if outcome.variant in names and outcome.seed in report.seeds)
    return replace(snapshot, outcomes=outcomes) if report.search is not None else snapshot


def proposals_in(report: Report) -> Sequence[Proposal]:
    return report.search.proposals if report.search is not None else ()


def _in_order(snapshot: SweepSnapshot, report: Report) -> list[TrialOutcome]:
    places = {row.name: place for place, row in enumerate(report.variants)}
    places |= {proposal.variant: len(places) + proposal.number for proposal in proposals_in(report) if proposal.variant not in places}
    return sorted(snapshot.outcomes, key=lambda outcome: (places.get(outcome.variant, len(places)), outcome.seed))


def _curves(snapshot: SweepSnapshot, curves: Mapping[str, TrialCurves], report: Report) -> list[Curve]:
    by_variant: dict[str, list[tuple[int, TrialCurves]]] = {row.name: [] for row in report.variants[:MOST_DRAWN]}
    for outcome in snapshot.outcomes:
        if outcome.fingerprint in curves and outcome.variant in by_variant:
            by_variant[outcome.variant].append((outcome.seed, curves[outcome.fingerprint]))
    evaluated = [metric.name for metric in report.metrics if metric.reproducible and len(report.steps) > 1]
    names = dict.fromkeys([report.primary.name, *CURVES, *evaluated])
    drawn = []
    for name in names:
        for variant, trials in by_variant.items():
            series = {seed: _series(trial, name) for seed, trial in trials}
            steps = sorted({step for values in series.values() for step in values})
            kept = steps[:: max(1, -(-len(steps) * len(by_variant) // _MOST_POINTS))]
            points = [(step, summarise({seed: values[step] for seed, values in series.items() if step in values})) for step in kept]
            shown = tuple((step, summary) for step, summary in points if summary.mean is not None)
            if len(shown) > 1:
                drawn.append(Curve(report.known.info(name), variant, shown))
    return drawn


def _series(trial: TrialCurves, name: str) -> Mapping[int, float]:
    """The training curve, and the evaluations where they are: an evaluation is the better number at its step."""
    return {**trial.training.get(name, {}), **trial.evaluations.get(name, {})}
