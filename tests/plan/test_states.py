"""The table of states, by what has to hold between its rows."""

from typing import get_args

from sweeper.states import ATTEMPT_STATES, TRIAL_STATES, AttemptState, TrialState, finished, unfinished


def test_every_state_has_its_properties() -> None:
    assert set(ATTEMPT_STATES) == set(get_args(AttemptState))
    assert set(TRIAL_STATES) == set(get_args(TrialState))


def test_an_attempt_and_its_trial_say_the_same() -> None:
    for state, attempt in ATTEMPT_STATES.items():
        trial = TRIAL_STATES[attempt.trial]
        assert attempt.has_result == trial.has_result, state
        assert attempt.is_failure == trial.is_failure, state
        assert not trial.has_ended or attempt.has_result or attempt.settles or attempt.settles_in_search, (
            f"{state}: a trial that has ended is taken up by nobody"
        )


def test_a_trial_that_goes_on_is_neither_final_nor_a_failure_nor_has_a_result() -> None:
    for state, trial in TRIAL_STATES.items():
        assert trial.has_ended or not (trial.is_final or trial.is_failure or trial.has_result), state
        assert not (trial.has_result and trial.refutes_means), state


def test_counts_name_what_neither_finished_nor_waits() -> None:
    counts: dict[TrialState, int] = {"pending": 4, "running": 2, "finished": 3, "failed": 1}
    assert finished(counts) == 3
    assert unfinished(counts) == ["1 failed", "2 running"]
