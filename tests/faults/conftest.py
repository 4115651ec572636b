"""A cluster that two drivers share, a sweep that was left alone, and homes to disturb."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults import disturbing
from tests.ray_cluster import ray_cluster
from tests.sweep.sweeper_home import Home


@pytest.fixture(scope="session")
def wide_cluster() -> Iterator[dict[str, str]]:
    """A Ray cluster that places four trials, whatever cores there are: two drivers have room at once."""
    with ray_cluster(4) as variables:
        yield variables


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, furnish: Callable[..., Home], wide_cluster: dict[str, str]) -> disturbing.Table:
    """What the small sweep says when nothing happens to it."""
    home = furnish(tmp_path_factory.mktemp("undisturbed"), wide_cluster)
    disturbing.run(home)
    found = disturbing.table(home)
    disturbing.assert_nothing_lost_nothing_twice(home, found)
    assert {row["state"] for row in found.values()} == {"finished"}
    return found


@pytest.fixture
def faulty(tmp_path: Path, furnish: Callable[..., Home], wide_cluster: dict[str, str]) -> Home:
    """A home to disturb, on the cluster; an attempt may be taken over after 15 silent seconds."""
    return furnish(tmp_path / "home", {**wide_cluster, "SWEEPER_LEASE_SECONDS": "15"})
