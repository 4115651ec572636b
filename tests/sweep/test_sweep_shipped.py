"""Every shipped sweep, really run: a few steps of each cell, one seed, one store; a table with every variant and every contrast."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sweeper_home import ROOT, Home

from sweeper.plan.expand import data_facts, expand
from sweeper.report.table import build_report
from sweeper.spec.load import load_sweep

FILES = sorted((ROOT / "sweeps").glob("*.yaml"))
SMALL = (
    "seeds=[0]",
    "base.steps=3",
    "base.log_every=1",
    "base.held_out_every=3",
    "base.checkpoint_every=3",
    "base.evaluation={samples: 20, sampler: {steps: 2}, held_out_levels: 2}",
)
"""Over the smoke profile: enough to go through every part of a trial once."""
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
    assert [(o.variant, o.state, o.attempts) for o in snapshot.outcomes] == [(name, "finished", 1) for name in names]

    report = build_report(snapshot)
    primary = sweep.spec.metric.primary
    found = {o.variant: o.metrics[primary] for o in snapshot.outcomes if primary in o.metrics}  # dit measures another quantity
    assert [(row.name, row.finished) for row in report.variants] == [(name, 1) for name in names]
    assert [row.name for row in report.contrasts] == [contrast.name for contrast in sweep.spec.contrasts]
    for row in report.contrasts:
        assert row.summary.n == 1
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
        assert [len(store.history(fingerprint).attempts) for fingerprint in set(planned)] == [1] * len(set(planned))
