"""A sweep that is asked for more: only what is missing runs."""

from collections.abc import Callable

from sweeper_home import Home

from sweeper.records import AttemptRecord


def attempts(home: Home, variant: str = "single") -> tuple[AttemptRecord, ...]:
    fingerprint = next(o.fingerprint for o in home.snapshot().outcomes if o.variant == variant)
    with home.store() as store:
        return store.history(fingerprint).attempts


def test_more_seeds_steps_and_samples_run_only_what_is_new(swept: Home, new_home: Callable[..., Home], cluster: dict[str, str]) -> None:
    home = swept
    first = home.metrics()

    too_late = home.sweep("--set", "seeds=2", "--deadline", "0.5s", exit_code=3)
    assert "2 trials are not done: the 2 trials of seed 1 would take about" in too_late
    assert {o.attempts for o in home.snapshot().outcomes if o.seed == 1} == {0}, "nothing was started that could not finish"

    assert "2 trials to run on the Ray cluster's devices" in home.sweep("--set", "seeds=2")
    assert {key: home.metrics()[key] for key in first} == first
    assert {o.attempts for o in home.snapshot().outcomes} == {1}

    longer = home.sweep("--set", "base.steps=30")  # the same trials, 10 steps more
    assert "2 trials to run" in longer
    assert [(a.number, a.start_step, a.step) for a in attempts(home)] == [(1, 0, 20), (2, 20, 30)]

    at_once = new_home("at_once", cluster)
    at_once.sweep("--set", "base.steps=30")
    assert home.metrics() == at_once.metrics()  # a continued run is the long run, bit for bit

    home.sweep("--set", "base.steps=30", "--set", "base.evaluation.samples=40")
    assert [(a.number, a.start_step, a.step) for a in attempts(home)][2] == (3, 30, 30)  # nothing trained, evaluated again
    assert home.snapshot().outcomes[0].details["samples"] == 40
    assert home.snapshot().outcomes[0].metrics["held_out_loss"] == at_once.snapshot().outcomes[0].metrics["held_out_loss"]

    home.sweep("--set", "base.steps=30", "--set", "base.evaluation.samples=50", "--set", "keep=average")
    for outcome in home.snapshot().outcomes:
        kept = sorted(path.stem for path in (home.path / "trials" / outcome.fingerprint).glob("*/*.safetensors"))
        assert kept == ["average-00000020", "average-00000030"], "one of each step, and of four attempts' checkpoints none"
    home.sweep("--set", "base.steps=30", "--set", "base.evaluation.samples=60")
    assert [(a.number, a.start_step, a.step) for a in attempts(home)][4] == (5, 30, 30), "from the average alone"
    assert home.snapshot().outcomes[0].metrics["held_out_loss"] == at_once.snapshot().outcomes[0].metrics["held_out_loss"]


def test_a_trial_serves_two_sweeps(swept: Home) -> None:
    home = swept
    assert "to run" not in home.sweep("--set", "name=other", "--set", "seeds=[0]")
    with home.store() as store:
        assert store.backlog() == 0  # MLflow was told, although nothing ran
        assert [s.name for s in store.sweeps()] == ["other", "tiny"]
        assert store.history(store.snapshot("other").outcomes[0].fingerprint).sweeps[0][0] in ("other", "tiny")


def test_other_conditions_are_not_mixed_silently(swept: Home) -> None:
    home = swept
    refused = home.sweep("--set", "resources.cpus=2", exit_code=2)
    assert "2 trials were run under other conditions" in refused
    assert "threads 1 there, 2 here" in refused
    assert "--allow-mixed threads" in refused
    assert "--fresh" in refused
    assert "to run" not in home.sweep("--set", "resources.cpus=2", "--allow-mixed", "threads")
    home.sweep("--fresh")
    assert [(a.number, a.start_step) for a in attempts(home)] == [(1, 0), (2, 0)]
