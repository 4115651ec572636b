"""A sweep that ran in one home goes on in another."""

from collections.abc import Callable

import pytest
from sweeper_home import TINY, Home


@pytest.mark.slow
def test_a_sweep_that_ran_elsewhere_is_reported_reused_and_extended_here(
    swept: Home, new_home: Callable[..., Home], cluster: dict[str, str]
) -> None:
    archive = str(swept.path / "tiny.zip")
    assert "1 version, 2 trials, 2 attempts, 8 files" in swept.run("export", "tiny", archive, "--weights")

    here = new_home("here", cluster)
    assert "new: 1 version, 2 trials, 2 attempts, 8 files" in here.run("import", archive)
    for words in (("--table",), ("--format", "csv")):
        assert here.run("report", *words) == swept.run("report", *words)
    trial = here.snapshot().outcomes[0].fingerprint
    assert "2 trials: 2 reuse" in here.run("plan", str(TINY))

    here.sweep("--set", "base.evaluation.samples=40")  # from the averages that came with it
    with here.store() as store:
        assert [(a.number, a.start_step, a.step) for a in store.history(trial).attempts] == [(1, 0, 20), (2, 20, 20)]
    assert "new: nothing" in here.run("import", archive), "averages that a newer attempt replaced do not come back"
    back = str(here.path / "back.zip")
    here.run("export", "tiny", back)
    assert "new: 1 version, 2 attempts" in swept.run("import", back)
    assert swept.run("report", "--format", "csv") == here.run("report", "--format", "csv")
