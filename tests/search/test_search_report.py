"""The report of a search: what was found stands apart from what was shown on fresh seeds."""

import csv
import json

import pytest

from sweeper.records import TrialOutcome
from sweeper.report.build import build_report
from sweeper.report.render.formats import TABLE_FORMATS, render
from sweeper.report.render.search_charts import history_rows, parallel_rows, slice_rows
from sweeper.report.results import Report
from sweeper.report.search_results import expected_maximum
from sweeper.spec.factors import Level
from sweeper.spec.search_design import BASELINE
from tests.search.small_search import loss, outcome, snapshot, snapshot_of, spec_of

CHOICES: list[dict[str, Level]] = [
    {"weight": 1.0, "layer": 1, "separation": "none"},
    {"weight": 2.0, "layer": 3, "ratio": 0.2, "separation": "full"},
    {"weight": 0.5, "layer": 2, "ratio": 0.3, "separation": "full"},
    {"weight": 0.6, "layer": 2, "ratio": 0.3, "separation": "full"},
]
BEST, SECOND = "0.5/2/0.3/full", "0.6/2/0.3/full"
FRESH = {BASELINE: (0.530, 0.540, 0.533), BEST: (0.508, 0.516, 0.509), SECOND: (0.511, 0.512, 0.514)}


def report(*, confirmed: bool = True, stopped: dict[int, int] | None = None) -> Report:
    spec, design = spec_of()
    found, curves = snapshot_of(spec, CHOICES, stopped)
    fresh: list[TrialOutcome] = []
    for place, seed in enumerate((100, 101, 102) if confirmed else ()):
        for name, values in FRESH.items():
            levels = next((o.levels for o in found.outcomes if o.variant == name), dict.fromkeys(design.space, "-"))
            fresh.append(outcome(name, levels, seed, "finished", values[place]))
    return build_report(snapshot(spec, [*found.outcomes, *fresh]), curves=curves, importances={"layer": 0.75, "weight": 0.25})


def test_claims_rest_on_the_fresh_seeds_alone() -> None:
    made = report()
    assert [row.name for row in made.variants] == [BASELINE, BEST, SECOND]
    assert made.seeds == (100, 101, 102)
    first, second = made.claims
    differences = [a - b for a, b in zip(FRESH[BEST], FRESH[BASELINE], strict=True)]
    assert first.estimate == pytest.approx(sum(differences) / 3)
    assert (first.verdict, second.verdict) == ("supported", "supported")
    assert made.effects == (), "levels that a sampler chose are no cells of a factorial"


def test_the_search_s_estimate_stands_beside_the_confirmed_one() -> None:
    search = report().search
    assert search is not None
    best = search.confirmed[0]
    mean = sum(FRESH[BEST]) / 3
    assert (best.variant, best.found, best.seeds) == (BEST, loss(CHOICES[2]), 3)
    assert best.optimism == pytest.approx((mean - loss(CHOICES[2])) / mean)
    assert search.incumbents == (0, 2)
    assert search.seconds == [36.0, 72.0, 108.0, 144.0]


@pytest.mark.parametrize(("n", "spread", "percent"), [(50, 0.0105, 2.4), (50, 0.064, 14.4)])
def test_how_much_better_the_best_of_equal_configs_looks(n: int, spread: float, percent: float) -> None:
    assert 100 * expected_maximum(n) * spread == pytest.approx(percent, abs=0.05)


def test_the_mean_of_the_largest_of_a_few_normal_values() -> None:
    """Closed forms: 0, 1/sqrt(pi), 3/(2 sqrt(pi))."""
    assert [expected_maximum(n) for n in (1, 2, 3)] == pytest.approx([0, 0.5641895835, 0.8462843753], abs=1e-9)


def test_its_bias_is_that_of_its_own_number_and_spread() -> None:
    search = report(stopped={1: 20}).search
    assert search is not None
    assert search.bias is not None
    assert (search.bias.tried, search.bias.source) == (4, "measured on the fresh seeds"), "one stopped early might have been the best, too"
    assert search.bias.share == pytest.approx(expected_maximum(4) * search.bias.spread)
    unknown = report(confirmed=False)
    assert any("cannot be said" in note for note in unknown.notes)


def test_before_anything_is_confirmed_nothing_is_claimed() -> None:
    made = report(confirmed=False)
    assert (made.claims, made.contrasts, made.baseline) == ((), (), None)
    assert [row.name for row in made.variants][:2] == [BEST, SECOND]


@pytest.mark.parametrize("format", TABLE_FORMATS)
def test_every_format_shows_it(format: str) -> None:
    text = render(report(), format, width=200)
    for shown in ("optimism", "layer", "Of 4 equal configs"):
        assert shown in text, shown


def test_no_p_value_is_in_the_part_on_the_search() -> None:
    text = render(report(), "markdown")
    part = text[text.index("### Confirmed: held-out loss") : text.index("### Notes")]
    assert "importance" in part
    assert "p =" not in part
    assert "p (Holm)" not in part


def test_programs_read_every_proposal() -> None:
    found = json.loads(render(report(stopped={1: 20}), "json"))["search"]
    assert [(one["number"], one["state"], one["step"]) for one in found["proposals"]] == [
        (1, "finished", 80),
        (2, "stopped", 20),
        (3, "finished", 80),
        (4, "finished", 80),
    ]
    assert found["proposals"][0]["setting"] == {"weight": 1.0, "layer": 1, "separation": "none"}
    assert found["best_so_far"] == [1, 3]
    rows = list(csv.DictReader(render(report(), "csv").splitlines()))
    assert [row["name"] for row in rows if row["kind"] == "proposal"] == [
        "1.0/1/-/none",
        "2.0/3/0.2/full",
        BEST,
        SECOND,
    ]


def test_what_the_page_draws() -> None:
    search = report(stopped={1: 20}).search
    assert search is not None
    history = history_rows(search)
    assert [(row["number"], row["end"]) for row in history] == [(1, "finished"), (2, "stopped early"), (3, "finished"), (4, "finished")]
    assert [row["best"] for row in history] == pytest.approx([loss(CHOICES[0])] * 2 + [loss(CHOICES[2])] * 2)
    assert [row["place"] for row in slice_rows(search, "ratio")] == [0.2, 0.3, 0.3], "one proposal has no ratio"
    assert {row["place"] for row in parallel_rows(search) if row["factor"] == "layer"} == {0.0, 1.0}
