"""`sweeper extend`, really run: seed blocks are trained, looks are stored, and the report says by which rule it judged."""

import pytest
from sweeper_home import TINY, Home

# At this level no three or four seeds decide anything, whatever the numbers.
CLAIM = "{name: dual timesteps, of: {timesteps: dual}, to: {timesteps: single}, kind: equivalent, alpha: 0.000001, margin: 0.01%}"
WORDS = ("extend", str(TINY), "--until-decided", "--max-seeds", "4", "--set", f"contrasts=[{CLAIM}]", "--set", "base.steps=4")


@pytest.mark.slow
def test_seed_blocks_are_added_to_the_last_and_no_further(cluster_home: Home) -> None:
    printed = cluster_home.run(*WORDS)
    assert "look 1, at 3 of at most 4 seeds: 1 of 1 claims undecided (dual timesteps)" in printed
    assert "look 2, at 4 of at most 4 seeds: " in printed
    assert "before the first result they are tested on" in " ".join(printed.split())
    assert "O'Brien-Fleming spending, look 2 of a sweep of at most 4 seeds" in " ".join(printed.split())
    snapshot = cluster_home.snapshot()
    assert snapshot.spec["sequential"] == {"max_seeds": 4, "spending": "obrien_fleming", "looks": [3, 4]}
    assert [version.spec["sequential"]["looks"] for version in snapshot.versions] == [[3]]
    assert [(o.seed, o.state, o.attempts) for o in snapshot.outcomes] == [(seed, "finished", 1) for seed in range(4) for _ in range(2)]
    assert {outcome.streams["noise"] for outcome in snapshot.outcomes} == {snapshot.outcomes[0].streams["noise"]}

    again = cluster_home.run(*WORDS)
    assert "to run" not in again
    assert {o.attempts for o in cluster_home.snapshot().outcomes} == {1}
