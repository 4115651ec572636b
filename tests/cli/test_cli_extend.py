"""`sweeper extend`: looks are written down before their trials run, alpha is spent once, and whole seed blocks are added.

Trials are written through the store's door instead of trained; a real extension is in tests/sweep.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from stored_sweep import ERROR

from sweeper.plan.machine import Machine, allot, expected_key
from sweeper.records import SweepSnapshot
from sweeper.report.build import build_report
from sweeper.service.extend_sweep import NOTHING_LEFT
from sweeper.service.open_store import store_to_write
from sweeper.service.plan_sweep import SweepRequest, plan_sweep
from sweeper.service.run_sweep import RunOutcome
from sweeper.settings import Settings

Sweeper = Callable[..., Any]
Refused = Callable[..., str]
NOISE = [0.002, -0.003, 0.001, 0.004, -0.002, 0.003, -0.001, 0.002, -0.004, 0.001]


class Machinery:
    """Stands in for `run_sweep`: records the version and ends its trials with known metrics, or as `endings` says."""

    def __init__(self, gain: float, endings: dict[tuple[str, int], str] | None = None) -> None:
        self.gain, self.endings = gain, endings or {}
        self.versions: list[dict[str, Any]] = []
        self.trained: list[tuple[str, int]] = []

    def __call__(self, request: SweepRequest, settings: Settings, **_: Any) -> RunOutcome:
        planned = plan_sweep(request, lambda _: {}, lambda _: {})
        spec = planned.sweep.spec.model_dump(mode="json")
        self.versions.append(spec)
        name, profile = planned.sweep.spec.name, planned.sweep.profile
        with store_to_write(settings) as store:
            store.record_sweep(name=name, profile=profile, version=planned.sweep.version, spec=spec, trials=planned.trials)
            configs = {variant.name: config for variant, config in planned.sweep.configs}
            key = expected_key(next(iter(configs.values())), allot(planned.sweep.spec.resources, Machine.here(), None))
            for trial in planned.trials:
                claim = store.acquire_lease(
                    trial.fingerprint,
                    owner="host:1:1",
                    lease_seconds=60,
                    wanted=(trial.steps, trial.evaluation_fingerprint),
                    is_dead=lambda _: False,
                )
                if claim is None:
                    continue
                self.trained.append((trial.variant, trial.seed))
                store.started(claim, start_step=0, comparability=key, provenance={})
                ending = self.endings.get((trial.variant, trial.seed), "finished")
                if ending == "finished":
                    shift = self.gain if trial.variant == "dual/full" else 0.0
                    place = (7 * trial.seed + 3 * sorted(configs).index(trial.variant)) % len(NOISE)
                    metrics = {"held_out_loss": 0.5 * (1 + shift + NOISE[place])}
                    store.evaluated(claim, trial.steps, trial.evaluation_fingerprint, metrics, {}, 1)
                store.end(claim, ending, None if ending == "finished" else ERROR)  # type: ignore[arg-type]
            snapshot = store.snapshot(name, profile)
        return RunOutcome(snapshot, {}, 0 if all(o.state == "finished" for o in snapshot.outcomes) else 3, len(self.trained), 0, 0)


@pytest.fixture
def machinery(monkeypatch: pytest.MonkeyPatch, home: Path) -> Callable[..., Machinery]:
    def make(gain: float, endings: dict[tuple[str, int], str] | None = None) -> Machinery:
        made = Machinery(gain, endings)
        monkeypatch.setattr("sweeper.service.run_sweep.run_sweep", made)
        return made

    write(lambda sweep: sweep)
    return make


def write(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """The shipped sweep, small, with its first contrast as the only claim."""
    sweep = yaml.safe_load(Path("sweep.yaml").read_text())
    sweep["contrasts"] = sweep["contrasts"][:1]
    Path("sweep.yaml").write_text(yaml.safe_dump(change(sweep), sort_keys=False))


def snapshot() -> SweepSnapshot:
    with store_to_write(Settings()) as store:
        return store.snapshot()


def test_a_clear_effect_stops_early_and_every_look_is_a_version(sweeper: Sweeper, machinery: Callable[..., Machinery]) -> None:
    made = machinery(-0.05)
    said = sweeper("extend", "sweep.yaml", "--until-decided", "--max-seeds", "9")
    assert (said.code, said.err) == (0, "")
    looks = [version["sequential"]["looks"] for version in made.versions]
    assert looks == [list(range(3, last + 1)) for last in range(3, 3 + len(looks))]
    assert 1 < len(looks) < 7, "one look at O'Brien-Fleming's first level is not enough, and it stops before the last"
    assert [version["seeds"] for version in made.versions] == [list(range(last[-1])) for last in looks]
    assert len(made.trained) == len(set(made.trained)) == 4 * looks[-1][-1], "whole seed blocks, and only what is new"
    assert f"look {len(looks)}, at {looks[-1][-1]} of at most 9 seeds: every claim is decided" in said.out
    assert "supported" in said.out
    assert "O'Brien-Fleming spending" in " ".join(said.out.split())


def test_no_effect_goes_on_to_the_last_seed_and_no_further(sweeper: Sweeper, machinery: Callable[..., Machinery]) -> None:
    made = machinery(0.0)
    said = sweeper("extend", "sweep.yaml", "--until-decided", "--max-seeds", "6", "--add", "2")
    assert [version["sequential"]["looks"] for version in made.versions] == [[3], [3, 5], [3, 5, 6]]
    assert "look 3, at 6 of at most 6 seeds: 1 of 1 claims undecided (augmentation effect)" in said.out
    again = sweeper("extend", "sweep.yaml", "--until-decided", "--max-seeds", "6")
    assert made.versions[-1]["sequential"]["looks"] == [3, 5, 6], "everything is spent"
    assert len(made.versions) == 4
    assert again.code == 0


def test_an_interrupted_extension_goes_on_with_the_look_it_was_in(sweeper: Sweeper, machinery: Callable[..., Machinery]) -> None:
    broken = machinery(0.0, {("dual/none", 4): "failed"})
    said = sweeper("extend", "sweep.yaml", "--until-decided", "--max-seeds", "6")
    assert [version["sequential"]["looks"] for version in broken.versions] == [[3], [3, 4], [3, 4, 5]]
    assert "look 3, at 5 seeds, is not whole: the same command goes on with it and spends no alpha again" in said.out
    mended = machinery(0.0)
    sweeper("extend", "sweep.yaml", "--until-decided", "--max-seeds", "6")
    assert [version["sequential"]["looks"] for version in mended.versions] == [[3, 4, 5], [3, 4, 5, 6]]
    assert mended.trained[0] == ("dual/none", 4)


def test_one_look_without_until_decided(sweeper: Sweeper, machinery: Callable[..., Machinery]) -> None:
    made = machinery(0.0)
    sweeper("extend", "sweep.yaml", "--max-seeds", "6")
    assert [version["sequential"]["looks"] for version in made.versions] == [[3]]


def test_the_same_data_at_a_fixed_number_of_seeds_says_that_it_does_not_count(
    sweeper: Sweeper, machinery: Callable[..., Machinery]
) -> None:
    made = machinery(0.0)
    assert "judged at a fixed number" not in sweeper("extend", "sweep.yaml", "--max-seeds", "6").out
    made(SweepRequest(Path("sweep.yaml")), Settings())
    notes = build_report(snapshot()).notes
    assert any("verdicts at a fixed number of seeds, as here, spend alpha a second time" in note for note in notes)


def test_a_fixed_look_before_is_the_first_and_leaves_no_alpha_for_others(sweeper: Sweeper, machinery: Callable[..., Machinery]) -> None:
    made = machinery(0.0)
    made(SweepRequest(Path("sweep.yaml")), Settings())
    (before,) = build_report(snapshot()).claims
    assert before.verdict == "inconclusive"
    said = " ".join(sweeper("extend", "sweep.yaml", "--until-decided", "--max-seeds", "6").out.split())
    assert [version.get("sequential") and version["sequential"]["looks"] for version in made.versions] == [None, [3]], "no seed is spent"
    assert "look 1, at 3 of at most 6 seeds: 0 of 1 claims decided, more seeds decide no other" in said
    assert "augmentation effect: these seeds were tested at all of alpha before, and that gave no verdict, so no alpha is left" in said
    assert "declare `sequential` before the first result; to test again use seeds that no look has seen, in a new sweep" in said
    assert "name" not in NOTHING_LEFT
    assert build_report(snapshot()).claims[0].verdict == "exploratory"


def test_the_verdict_of_a_fixed_look_before_stands(sweeper: Sweeper, machinery: Callable[..., Machinery]) -> None:
    """By O'Brien and Fleming's level at 3 of 9 seeds it would be undecided."""
    made = machinery(-0.05)
    made(SweepRequest(Path("sweep.yaml")), Settings())
    (before,) = build_report(snapshot()).claims
    said = sweeper("extend", "sweep.yaml", "--until-decided", "--max-seeds", "9")
    assert "look 1, at 3 of at most 9 seeds: every claim is decided" in said.out
    (after,) = build_report(snapshot()).claims
    assert before.verdict == after.verdict == "supported"
    assert (after.p, after.interval) == (before.p, before.interval)
    assert after.sentence.startswith("Supported at 3 seeds: ")


def test_a_rule_in_the_file_before_the_first_run_is_gone_on_with(sweeper: Sweeper, machinery: Callable[..., Machinery]) -> None:
    made = machinery(0.0)
    write(lambda sweep: sweep | {"sequential": {"max_seeds": 6}})
    made(SweepRequest(Path("sweep.yaml")), Settings())
    said = sweeper("extend", "sweep.yaml", "--max-seeds", "8")
    assert (said.code, "looked at 1 times, up to 6 seeds by obrien_fleming spending" in said.err) == (2, True)
    said = sweeper("extend", "sweep.yaml", "--until-decided", "--max-seeds", "6", "--add", "3")
    assert [version["sequential"]["looks"] for version in made.versions] == [[], [3], [3, 6]]
    assert "look 2, at 6 of at most 6 seeds: 1 of 1 claims undecided (augmentation effect)" in said.out
    assert build_report(snapshot()).claims[0].verdict == "inconclusive"


def test_a_fixed_version_after_the_rule_changes_nothing(sweeper: Sweeper, machinery: Callable[..., Machinery]) -> None:
    """The rule was declared before the first result; what is run beside it later has no test of its own."""
    made = machinery(0.0)
    sweeper("extend", "sweep.yaml", "--max-seeds", "6")
    made(SweepRequest(Path("sweep.yaml")), Settings())
    said = sweeper("extend", "sweep.yaml", "--until-decided", "--max-seeds", "6")
    assert "look 4, at 6 of at most 6 seeds: 1 of 1 claims undecided (augmentation effect)" in said.out
    assert build_report(snapshot()).claims[0].verdict == "inconclusive"


def test_another_rule_or_another_claim_is_refused(
    sweeper: Sweeper, machinery: Callable[..., Machinery], refused: Refused, home: Path
) -> None:
    machinery(0.0)
    sweeper("extend", "sweep.yaml", "--max-seeds", "6")
    for words in (("--max-seeds", "8"), ("--max-seeds", "6", "--spending", "pocock")):
        said = sweeper("extend", "sweep.yaml", *words)
        assert said.code == 2
        assert "another rule would spend alpha twice: use --max-seeds 6 --spending obrien_fleming" in said.err
    original = Path("sweep.yaml").read_text()
    for changed in (
        lambda sweep: sweep | {"contrasts": [sweep["contrasts"][0] | {"margin": "1%"}]},
        lambda sweep: sweep | {"metric": {"primary": "fd_digits", "direction": "lower"}},
    ):
        Path("sweep.yaml").write_text(original)
        write(changed)
        said = sweeper("extend", "sweep.yaml", "--max-seeds", "6")
        assert said.code == 2
        assert "its claims are not those that were looked at 1 times" in said.err
        assert "on seeds that no look has seen, in a new sweep with other `seeds`" in said.err
        assert "`name`" not in said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--max-seeds", "2"), "Invalid value for '--max-seeds'"),
        (("--max-seeds", "4", "--set", "seeds=5"), "--max-seeds 4: give 5 to 1,000; the sweep has 5 now"),
        (("--max-seeds", "4", "--set", "contrasts=[]"), "sweep.yaml: nothing is claimed, so nothing can be decided"),
        (("--max-seeds", "4", "--spending", "haybittle"), "--spending haybittle: there is no such rule"),
        ((), "Missing option '--max-seeds'"),
    ],
)
def test_what_means_nothing_is_refused(refused: Refused, words: tuple[str, ...], message: str) -> None:
    assert message in refused("extend", "sweep.yaml", *words)


def test_a_diverged_claim_is_not_waited_for(sweeper: Sweeper, machinery: Callable[..., Machinery]) -> None:
    made = machinery(0.0, {("dual/full", 1): "diverged"})
    said = sweeper("extend", "sweep.yaml", "--until-decided", "--max-seeds", "6")
    assert [version["sequential"]["looks"] for version in made.versions] == [[3]]
    assert "Diverged: 1 of 3 of dual/full, 0 of 3 of single/full" in " ".join(said.out.split())


def test_looks_are_stored_with_the_sweep(sweeper: Sweeper, machinery: Callable[..., Machinery]) -> None:
    machinery(0.0)
    sweeper("extend", "sweep.yaml", "--max-seeds", "6")
    stored = snapshot()
    assert json.loads(json.dumps(stored.spec))["sequential"] == {"max_seeds": 6, "spending": "obrien_fleming", "looks": [3]}
