"""Which files of state a trial still needs, on files as attempts leave them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sweeper.plan.retention import Asked, AttemptUse, TrialUse, Wish, superfluous
from sweeper.spec.sweep_spec import Keep
from sweeper.states import AttemptState
from tests.state_files import write_state

HERE = {"device": "cpu", "micro_batch": 8}


def attempt(number: int, state: AttemptState = "lost", step: int = 0, fresh: bool = False, **comparability: Any) -> AttemptUse:
    return AttemptUse(number, state, fresh, step, {**HERE, **comparability})


def wish(steps: int = 40, keep: Keep = "resumable", sweep: str = "s", newest: bool = True) -> Wish:
    return Wish(sweep, "default", newest, steps, "eval", keep)


def trial(*attempts: AttemptUse, wishes: tuple[Wish, ...] = (wish(),), done: tuple[int, ...] = ()) -> TrialUse:
    """Attempts from the first on; `done`: steps that are evaluated."""
    return TrialUse("f", tuple(reversed(attempts)), frozenset((step, "eval") for step in done), wishes)


def left(root: Path, use: TrialUse, files: Mapping[str, str], **options: Any) -> dict[str, list[int]]:
    """Attempt -> steps of the checkpoints that stay; `files`: attempt -> steps of those that are there, an average with an a."""
    folders = {}
    for name, steps in files.items():
        folder = folders[int(name)] = root / f"attempt-{name}"
        folder.mkdir()
        for step in steps.split():
            write_state(folder, "average" if step.startswith("a") else "checkpoint", int(step.lstrip("a")))
    for file in superfluous(use, folders, **options):
        file.path.unlink()
    stays = {name: sorted(path.name for path in folders[int(name)].iterdir()) for name in files}
    return {name: [f"{'a' * n.startswith('average')}{int(n.split('-')[1].split('.')[0])}" for n in names] for name, names in stays.items()}


@pytest.mark.parametrize(
    ("use", "files", "stays"),
    [
        (trial(attempt(1, step=20)), {"1": "10 20"}, {"1": ["10", "20"]}),
        # Preempted ten times: two in all, not two of each.
        (
            trial(*(attempt(n, step=10 * n) for n in range(1, 11))),
            {str(n): f"{10 * n - 5} {10 * n}" for n in range(1, 11)},
            {str(n): [] for n in range(1, 10)} | {"10": ["95", "100"]},
        ),
        (trial(attempt(1, step=20), attempt(2, "running", step=30)), {"1": "10 20", "2": "30"}, {"1": ["20"], "2": ["30"]}),
        # Finished: one, and the average.
        (trial(attempt(1, "finished", step=40), done=(40,)), {"1": "a40 30 40"}, {"1": ["a40", "40"]}),
        (trial(attempt(1, "finished", 40), wishes=(wish(keep="average"),), done=(40,)), {"1": "a40 30 40"}, {"1": ["a40"]}),
        # Unless its average is gone: then the checkpoint holds the only weights there are.
        (trial(attempt(1, "finished", 40), wishes=(wish(keep="average"),), done=(40,)), {"1": "a20 30 40"}, {"1": ["a20", "40"]}),
        # Another sweep has the last word where it needs more.
        (
            trial(attempt(1, "finished", 40), wishes=(wish(keep="average"), wish(sweep="t")), done=(40,)),
            {"1": "a40 30 40"},
            {"1": ["a40", "40"]},
        ),
        (
            trial(attempt(1, "finished", 40), wishes=(wish(keep="average"), wish(80, "average", "t")), done=(40,)),
            {"1": "a40 30 40"},
            {"1": ["a40", "30", "40"]},
        ),
        # A version that was replaced has not.
        (
            trial(attempt(1, "finished", 40), wishes=(wish(keep="average"), wish(80, newest=False)), done=(40,)),
            {"1": "a40 30 40"},
            {"1": ["a40"]},
        ),
        (trial(attempt(1, "finished", 40), wishes=(), done=(40,)), {"1": "a40 30 40"}, {"1": ["a40", "40"]}),
        # One average of each step, the newest attempt's.
        (
            trial(attempt(1, "finished", 40), attempt(2, "finished", 0), attempt(3, "finished", 80), done=(40, 80), wishes=(wish(80),)),
            {"1": "a40 30 40", "2": "a40", "3": "a80 70 80"},
            {"1": [], "2": ["a40"], "3": ["a80", "80"]},
        ),
        (trial(attempt(1, "stopped early", 20)), {"1": "10 20"}, {"1": ["20"]}),
        (
            trial(attempt(1, "finished", 40), attempt(2, "lost"), done=(40,)),
            {"1": "a40 40", "2": "a40"},
            {"1": ["a40", "40"], "2": []},
        ),
        # Diverged: the weights before it, whatever is asked to be kept.
        (trial(attempt(1, "diverged", 20), wishes=(wish(keep="average"),)), {"1": "10 20"}, {"1": ["20"]}),
        # Other conditions: on that machine it goes on from there, as long as nobody has finished it.
        (
            trial(attempt(1, step=30, device="gpu"), attempt(2, step=20)),
            {"1": "20 30", "2": "10 20"},
            {"1": ["30"], "2": ["10", "20"]},
        ),
        (
            trial(attempt(1, step=30, device="gpu"), attempt(2, "finished", 40), done=(40,)),
            {"1": "20 30", "2": "30 40 a40"},
            {"1": [], "2": ["a40", "40"]},
        ),
        (trial(attempt(1, step=30, device="gpu"), attempt(2)), {"1": "20 30", "2": ""}, {"1": ["20", "30"], "2": []}),
        (trial(attempt(1, step=20, micro_batch=4), attempt(2, step=30)), {"1": "10 20", "2": "30"}, {"1": ["20"], "2": ["30"]}),
        # Begun afresh: what came before goes when there is something to go on from, and not before.
        (trial(attempt(1, step=30), attempt(2, "running", fresh=True)), {"1": "20 30", "2": ""}, {"1": ["20", "30"], "2": []}),
        (trial(attempt(1, step=30), attempt(2, "running", 10, fresh=True)), {"1": "20 30", "2": "10"}, {"1": [], "2": ["10"]}),
        # After a step that the store never heard of there is a gap in the curve: the second choice; of an attempt it never heard of, none.
        (trial(attempt(1, step=10), attempt(2, "lost", 20)), {"1": "10", "2": "15 20 25"}, {"1": [], "2": ["15", "20"]}),
        (trial(attempt(1, step=10), attempt(2, "lost", 0)), {"1": "10", "2": "15"}, {"1": ["10"], "2": []}),
    ],
)
def test_what_stays(use: TrialUse, files: Mapping[str, str], stays: Mapping[str, list[str]], tmp_path: Path) -> None:
    assert left(tmp_path, use, files) == stays


def test_what_is_asked_for_goes_before_what_a_sweep_says_but_not_before_another_sweep(tmp_path: Path) -> None:
    use = trial(attempt(1, "finished", 40), wishes=(wish(), wish(sweep="t", keep="average")), done=(40,))
    files = {"1": "a40 40"}
    assert left(tmp_path, use, files, asked=Asked("average", ("t", "default"))) == {"1": ["a40", "40"]}
    for place, asked in enumerate([Asked("average", ("s", "default")), Asked("average")]):
        (tmp_path / "attempt-1").rename(tmp_path / f"before {place}")
        assert left(tmp_path, use, files, asked=asked) == {"1": ["a40"]}


def test_trials_of_nobody_are_thinned_out_when_all_are(tmp_path: Path) -> None:
    use = trial(attempt(1, "finished", 40), wishes=(wish(newest=False),), done=(40,))
    assert left(tmp_path, use, {"1": "a40 40"}, asked=Asked("average")) == {"1": ["a40"]}


def test_a_torn_checkpoint_is_never_the_one_that_stays_and_an_unreadable_one_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "attempt-1"
    whole, torn = write_state(folder, "checkpoint", 30), write_state(folder, "checkpoint", 40)
    torn.write_bytes(torn.read_bytes()[:-1])
    use = trial(attempt(1, "finished", 40), done=(40,))
    assert [file.path for file in superfluous(use, {1: folder})] == [torn]
    torn.unlink()
    torn.symlink_to(folder)  # reading it is an error of the system's
    assert superfluous(use, {1: folder}) == [], "nor does it count as the one that stays"
    assert whole.exists()


def test_the_folder_of_the_attempt_that_writes_is_its_own(tmp_path: Path) -> None:
    use = trial(attempt(1, step=20), attempt(2, "running", 30))
    assert left(tmp_path, use, {"1": "10 20", "2": "25 30 35"}, spare={2}) == {"1": [], "2": ["25", "30", "35"]}


def test_parts_of_an_evaluation_stay_until_the_trial_has_its_results(tmp_path: Path) -> None:
    stopped, done = trial(attempt(1, step=40), attempt(2, step=40)), trial(attempt(1, step=40), attempt(2, "finished", 40), done=(40,))
    folders = {1: tmp_path / "attempt-1", 2: tmp_path / "attempt-2"}
    parts = [write_state(folders[1], "evaluation", 40, number=f"-{number:04d}") for number in range(2)]
    write_state(folders[1], "checkpoint", 40)
    write_state(folders[2], "average", 40)
    assert superfluous(stopped, folders) == []
    assert [file.path for file in superfluous(done, folders) if file.kind == "evaluation"] == parts
