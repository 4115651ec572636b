"""Every shipped sweep, really run: a few steps of each cell, one seed, one store; a table with every variant and every contrast."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sweeper_home import ROOT, Home

from sweeper.metrics import is_of_analysis
from sweeper.plan.expand import data_facts, expand
from sweeper.report.build import build_report
from sweeper.spec.load import load_sweep

SEARCHES = [ROOT / "sweeps" / "search_alignment.yaml"]
FILES = sorted({*(ROOT / "sweeps").glob("*.yaml")} - {*SEARCHES})
SMALL = (
    "seeds=[0]",
    "base.steps=3",
    "base.log_every=1",
    "base.held_out_every=3",
    "base.checkpoint_every=3",
    "base.evaluation.samples=20",
    "base.evaluation.sampler.steps=2",
    "base.evaluation.held_out_levels=2",
)
"""Over the smoke profile: enough to go through every part of a trial once."""
SMALL_SEARCH = (
    *SMALL,
    "base.held_out_every=1",
    "design.trials=2",
    "design.stopping.first_step=1",
)
"""Likewise of a search."""
COMMAND = ("run", "--profile", "smoke", "--max-concurrent", "1")
"""A second worker would take longer to start than it saves."""
Run = Callable[[Path], str]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory, furnish: Callable[..., Home], cluster: dict[str, str]) -> Home:
    return furnish(tmp_path_factory.mktemp("shipped"), cluster)


@pytest.fixture(scope="module")
def run(shared_home: Home) -> Run:
    """What `sweeper run` prints for a shipped sweep; it is run once, all into one store."""
    printed: dict[Path, str] = {}

    def once(file: Path) -> str:
        if file not in printed:
            printed[file] = shared_home.run(*COMMAND, str(file), *(word for field in SMALL for word in ("--set", field)))
        return printed[file]

    return once


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_trains_every_cell_and_answers_its_contrasts(file: Path, run: Run, shared_home: Home) -> None:
    printed = run(file)
    with shared_home.store() as store:
        snapshot = store.snapshot(file.stem, "smoke")
    sweep = load_sweep(file, profile="smoke", overrides=SMALL)
    names = [variant.name for variant, _ in sweep.configs]
    assert [(o.variant, o.state) for o in snapshot.outcomes] == [(name, "finished") for name in names]

    report = build_report(snapshot)
    assert [(row.name, row.finished) for row in report.variants] == [(name, 1) for name in names]
    assert [row.name for row in report.contrasts] == [contrast.name for contrast in sweep.spec.contrasts]
    for row in report.contrasts:
        if is_of_analysis(row.metric):  # `sweeper analyse` has not been asked yet
            assert row.summary.n == 0
            continue
        assert row.summary.n == 1
        found = {o.variant: o.metrics[row.metric] for o in snapshot.outcomes if row.metric in o.metrics}  # dit measures another quantity
        assert row.summary.mean == pytest.approx(sum(weight * found[name] for name, weight in row.weights.items()), rel=1e-9, abs=1e-12)
    words = " ".join(printed.split())
    assert all(word in words for word in [*names, *(contrast.name for contrast in sweep.spec.contrasts)])


def test_a_cell_of_several_sweeps_was_trained_once(run: Run, shared_home: Home) -> None:
    planned: list[str] = []
    for file in FILES:
        run(file)
        sweep = load_sweep(file, profile="smoke", overrides=SMALL)
        planned += [trial.fingerprint for trial in expand(sweep, data_facts(sweep), gpu=False)]
    assert len(planned) - len(set(planned)) >= 10, "the shipped sweeps share cells"
    assert {folder.name for folder in (shared_home.path / "trials").iterdir()} == set(planned)
    with shared_home.store() as store:
        for fingerprint in set(planned):
            first, *others = store.history(fingerprint).attempts
            assert (first.start_step, first.step) == (0, 3)
            assert [(one.start_step, one.step) for one in others] in ([], [(3, 3)]), (
                "one sweep asks for more metrics of it: it is evaluated again"
            )


@pytest.mark.parametrize("file", SEARCHES, ids=lambda file: file.stem)
def test_a_search_confirms_its_best(file: Path, tmp_path: Path, furnish: Callable[..., Home], cluster: dict[str, str]) -> None:
    home = furnish(tmp_path / "home", cluster)
    printed = home.run(*COMMAND, str(file), *(word for field in SMALL_SEARCH for word in ("--set", field)))
    found = home.snapshot()
    states = [outcome.state for outcome in found.outcomes]
    assert states[0] == "finished", "the first has nothing to be worse than"
    assert set(states) <= {"finished", "stopped early"}
    assert [outcome.seed for outcome in found.outcomes] == [0, 0, 100, 100, 101, 101]
    assert "Confirmed: held-out loss" in printed
