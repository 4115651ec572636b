"""What a sweep records, and how it is found again: on every database."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sweeper.errors import RequestError
from sweeper.records import PlannedTrial
from sweeper.store import outbox, sweeps
from sweeper.store.results_store import ResultsStore

MakeTrials = Callable[..., list[PlannedTrial]]
SPEC = {"question": "Does it help?", "seeds": [0, 1]}


def record(store: ResultsStore, planned: list[PlannedTrial], name: str = "noise", profile: str = "default", version: str = "v1") -> None:
    store.record_sweep(name=name, profile=profile, version=version, spec=SPEC, trials=planned)


def kinds(store: ResultsStore) -> list[str]:
    return [row.kind for row in store.pending(1000)]


def test_recording_twice_is_recording_once(store: ResultsStore, trials: MakeTrials) -> None:
    record(store, trials())
    first = store.snapshot()
    record(store, trials())
    again = store.snapshot()
    assert again == first
    assert [(one.variant, one.seed, one.state) for one in again.outcomes] == [
        ("single", 0, "pending"),
        ("dual", 0, "pending"),
        ("single", 1, "pending"),
        ("dual", 1, "pending"),
    ]
    assert (again.name, again.profile, again.version, again.spec, again.newest_result) == ("noise", "default", "v1", SPEC, None)
    assert again.outcomes[1].levels == {"timesteps": "dual"}
    assert kinds(store) == ["sweep", "link", "link", "link", "link"]


def test_a_version_that_runs_again_is_stored_as_it_says_now(store: ResultsStore, trials: MakeTrials) -> None:
    """Specs of one version differ at most in which published rows a report shows."""
    record(store, trials())
    spec = SPEC | {"report": {"published": ["a set"]}}
    store.record_sweep(name="noise", profile="default", version="v1", spec=spec, trials=trials())
    assert store.snapshot().spec == spec
    assert store.snapshot().versions == ()
    assert kinds(store) == ["sweep", "link", "link", "link", "link"]


def test_what_the_outbox_says_of_a_sweep(store: ResultsStore, trials: MakeTrials) -> None:
    record(store, trials(variants=("single",), seeds=(3,)))
    sweep, link = store.pending(10)
    assert sweep.payload == {"name": "noise", "profile": "default", "version": "v1", "question": "Does it help?", "spec": SPEC}
    assert link.payload == {
        "name": "noise",
        "profile": "default",
        "fingerprint": "single-3-fingerprint",
        "variant": "single",
        "levels": {"timesteps": "single"},
        "seed": 3,
        "config": {"seed": 3, "timesteps": {"kind": "single"}},
    }


def test_a_trial_is_linked_once_however_many_versions_have_it(store: ResultsStore, trials: MakeTrials) -> None:
    record(store, trials(seeds=(0,)))
    store.delivered(row.id for row in store.pending(100))
    record(store, trials(seeds=(0, 1)), version="v2")
    assert kinds(store) == ["sweep", "link", "link"]
    assert {row.payload["seed"] for row in store.pending(100) if row.kind == "link"} == {1}
    assert store.snapshot().version == "v2"
    assert len(store.snapshot().outcomes) == 4
    record(store, trials(seeds=(0,)))
    assert store.snapshot().version == "v1", "the version that ran last is the newest"
    assert len(store.snapshot().outcomes) == 2


def test_two_variants_that_are_one_trial_are_one_link(store: ResultsStore) -> None:
    twins = [PlannedTrial(name, {}, 0, "shared-fingerprint", "eval", 10, {}) for name in ("a", "b")]
    record(store, twins)
    assert kinds(store) == ["sweep", "link"]
    assert [one.variant for one in store.snapshot().outcomes] == ["a", "b"]


def test_one_spec_may_plan_other_trials_later(store: ResultsStore, trials: MakeTrials) -> None:
    record(store, trials())
    record(store, trials(evaluation="other", steps=20))
    assert {one.steps for one in store.snapshot().outcomes} == {20}
    assert len(store.snapshot().outcomes) == 4


def test_the_last_run_is_newest_though_the_clock_was_set_back(
    store: ResultsStore, trials: MakeTrials, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, trials(), version="v1")
    monkeypatch.setattr(sweeps, "now", lambda _: datetime.now(UTC) - timedelta(hours=1))
    record(store, trials(), version="v2")
    assert store.snapshot().version == "v2"


def test_one_trial_serves_two_sweeps(store: ResultsStore, trials: MakeTrials) -> None:
    record(store, trials(), name="first")
    record(store, trials(variants=("dual", "triple")), name="second", profile="smoke")
    assert store.links("dual-0-fingerprint") == [("first", "default"), ("second", "smoke")]
    assert store.links("triple-0-fingerprint") == [("second", "smoke")]
    assert store.links("unknown") == []
    assert store.history("dual-0-fingerprint").sweeps == (("first", "default", "dual", 0), ("second", "smoke", "dual", 0))
    assert len(store.known([one.fingerprint for one in trials(("single", "dual", "triple"))])) == 6


def test_sweeps_are_listed_newest_first_with_their_newest_version(store: ResultsStore, trials: MakeTrials) -> None:
    assert store.sweeps() == []
    record(store, trials(), name="first")
    record(store, trials(), name="second")
    record(store, trials(seeds=(0,)), name="first", version="v2")
    listed = store.sweeps()
    assert [(one.name, one.profile, one.version, one.trials) for one in listed] == [
        ("first", "default", "v2", 2),
        ("second", "default", "v1", 4),
    ]
    assert listed[0].last_run > listed[1].last_run
    assert listed[0].last_run.tzinfo is UTC


def test_the_newest_sweep_is_found_by_name_profile_or_neither(store: ResultsStore, trials: MakeTrials) -> None:
    record(store, trials(), name="first")
    record(store, trials(), name="first", profile="smoke")
    record(store, trials(), name="second")
    found = [store.snapshot(*asked) for asked in [(None, None), ("first", None), ("first", "default"), (None, "smoke")]]
    assert [(one.name, one.profile) for one in found] == [
        ("second", "default"),
        ("first", "smoke"),
        ("first", "default"),
        ("first", "smoke"),
    ]


def test_asking_for_a_sweep_that_never_ran(store: ResultsStore, trials: MakeTrials) -> None:
    with pytest.raises(RequestError, match=r"no sweep has run here yet; start one with: sweeper run SPEC"):
        store.snapshot()
    record(store, trials(), name="partition_ratio")
    with pytest.raises(RequestError, match=r"no sweep named 'partition_rato' has run here; did you mean \"partition_ratio\"\?"):
        store.snapshot("partition_rato")
    with pytest.raises(RequestError, match=r"sweep 'partition_ratio' has not run with profile 'smok'; valid here: default"):
        store.snapshot("partition_ratio", "smok")


def test_a_trial_is_found_by_the_beginning_of_its_fingerprint(store: ResultsStore, trials: MakeTrials) -> None:
    record(store, trials())
    assert store.find_trial("single-0") == "single-0-fingerprint"
    assert store.find_trial("single-0-fingerprint") == "single-0-fingerprint"
    with pytest.raises(RequestError, match="'sin' is too short; give at least the first 4 characters"):
        store.find_trial("sin")
    with pytest.raises(RequestError, match="no trial begins with 's_ngle'; `sweeper status` lists"):
        store.find_trial("s_ngle")
    with pytest.raises(RequestError, match=r"several trials begin with 'single': single-0-fin, single-1-fin; give more characters"):
        store.find_trial("single")


def test_a_failing_recording_leaves_nothing(store: ResultsStore, trials: MakeTrials, monkeypatch: pytest.MonkeyPatch) -> None:
    post = outbox.post

    def fail_at_links(session: Any, kind: outbox.Kind, payloads: Any, created: datetime) -> None:
        post(session, kind, payloads, created)
        if kind == "link":
            raise KeyboardInterrupt

    monkeypatch.setattr(outbox, "post", fail_at_links)
    with pytest.raises(KeyboardInterrupt):
        record(store, trials())
    assert (store.sweeps(), store.backlog(), store.known(["single-0-fingerprint"])) == ([], 0, {})


def test_names_and_values_that_would_break_a_query_are_only_text(store: ResultsStore) -> None:
    hostile = "'; DROP TABLE trial; -- <b> % _ \\ \u202e"
    config = {"name": "nul \x00 and \ud800 and 'quote'", "nested": {"list": [1, 2.5, None, True]}}
    record(store, [PlannedTrial(hostile, {hostile: hostile}, 2**40, "hostile-fingerprint", "eval", 1, config)], name=hostile)
    snapshot = store.snapshot(hostile)
    assert (snapshot.name, snapshot.outcomes[0].variant, snapshot.outcomes[0].levels) == (hostile, hostile, {hostile: hostile})
    assert snapshot.outcomes[0].seed == 2**40
    assert store.history("hostile-fingerprint").config == config


def test_a_snapshot_knows_the_other_versions_of_its_sweep(store: ResultsStore, trials: MakeTrials) -> None:
    """So that a margin that was moved is seen in every report."""
    specs = {
        version: SPEC | {"contrasts": [{"name": "c", "margin": margin}]} for version, margin in (("v1", "1%"), ("v2", "2%"), ("v3", "3%"))
    }
    for version, spec in specs.items():
        store.record_sweep(name="noise", profile="default", version=version, spec=spec, trials=trials())
    store.record_sweep(name="noise", profile="smoke", version="other", spec=SPEC, trials=trials())
    store.record_sweep(name="noise", profile="default", version="v2", spec=specs["v2"], trials=trials())
    snapshot = store.snapshot("noise", "default")
    assert snapshot.version == "v2"
    assert [(v.version, v.spec) for v in snapshot.versions] == [("v1", specs["v1"]), ("v3", specs["v3"])]
    assert snapshot.versions[0].created <= snapshot.created <= snapshot.versions[1].created


def test_trials_of_a_comparison_bring_the_fingerprints_of_their_streams(store: ResultsStore) -> None:
    cells = {"plain": {}, "dual": {"timesteps": {"kind": "dual"}}, "wide": {"batch_size": 8}, "old": {"no_such_field": 1}}
    planned = [
        PlannedTrial(name, {}, seed, f"{name}-{seed}", "e", 10, {"batch_size": 16, "seed": seed} | changes)
        for seed in (0, 1)
        for name, changes in cells.items()
    ]
    spec = SPEC | {"contrasts": [{"name": "c"}]}
    store.record_sweep(name="noise", profile="default", version="v1", spec=spec, trials=planned)
    streams = {(outcome.variant, outcome.seed): outcome.streams for outcome in store.snapshot().outcomes}
    assert streams["plain", 0] == streams["plain", 1], "the seed is told apart by itself"
    assert streams["plain", 0]["noise"] == streams["dual", 0]["noise"] != streams["wide", 0]["noise"]
    assert streams["plain", 0]["backbone weights"] == streams["wide", 0]["backbone weights"]
    assert streams["old", 0] == {}, "a config of another release"
    store.record_sweep(name="noise", profile="default", version="v2", spec=SPEC, trials=planned)
    assert store.snapshot().outcomes[0].streams == {}, "nothing is compared"
