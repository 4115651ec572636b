"""A cluster that two drivers share, a sweep that was left alone, and homes to disturb."""

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.faults import disturbing
from tests.ray_cluster import ray_cluster
from tests.sweep.sweeper_home import Home


@pytest.fixture(scope="session")
def wide_cluster() -> Iterator[dict[str, str]]:
    """A Ray cluster that places four trials, whatever cores there are: two drivers have room at once."""
    with ray_cluster(4) as variables:
        yield variables


@pytest.fixture(scope="session")
def undisturbed(shared_temp: Path, furnish: Callable[..., Home], wide_cluster: dict[str, str]) -> disturbing.Table:
    """What the small sweep says when nothing happens to it; run once for all processes of the tests."""
    kept = shared_temp / "undisturbed.pickle"
    with FileLock(shared_temp / "undisturbed.lock"):
        if not kept.exists():
            home = furnish(shared_temp / "undisturbed", wide_cluster)
            disturbing.run(home)
            found = disturbing.table(home)
            disturbing.assert_nothing_lost_nothing_twice(home, found)
            assert {row["state"] for row in found.values()} == {"finished"}
            kept.write_bytes(pickle.dumps(found))
    table: disturbing.Table = pickle.loads(kept.read_bytes())
    return table


@pytest.fixture
def faulty(tmp_path: Path, furnish: Callable[..., Home], wide_cluster: dict[str, str]) -> Home:
    """A home to disturb, on the cluster, with the lease that users have: a busy machine may keep a driver waiting for a while."""
    return furnish(tmp_path / "home", wide_cluster)


@pytest.fixture
def short_lease(faulty: Home) -> Home:
    """Where an attempt may be taken over after 30 silent seconds: with 15, a driver on a busy machine lost its own now and then."""
    return Home(faulty.path, {**faulty.more, "SWEEPER_LEASE_SECONDS": "30"})
