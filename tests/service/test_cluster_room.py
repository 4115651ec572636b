"""A trial is held against the largest node of a cluster before anything joins it."""

import pytest

from sweeper.errors import RequestError
from sweeper.execution.cluster import Cluster, ClusterNode, asks_for_token
from sweeper.execution.cluster_room import Wanted, ensure_room


def cluster(*nodes: tuple[float, float], group: str = "") -> Cluster:
    """Of nodes with so many cores and GPUs."""
    return Cluster(
        tuple(ClusterNode(f"n{place}", f"10.0.0.{place}", cpus, gpus, "H100", group) for place, (cpus, gpus) in enumerate(nodes))
    )


@pytest.mark.parametrize(
    ("nodes", "wanted"),
    [
        ([(4, 0)], Wanted(4, 0)),
        ([(0, 0), (4, 0)], Wanted(4, 0)),  # a head that takes no work
        ([(0.3, 0)], Wanted(0.1, 0, processes=3)),
        ([(4, 0), (2, 1)], Wanted(2, 1)),
        ([(4, 2), (4, 2)], Wanted(2, 1, processes=4)),
    ],
)
def test_what_fits_is_not_spoken_of(nodes: list[tuple[float, float]], wanted: Wanted) -> None:
    said: list[str] = []
    ensure_room(cluster(*nodes), wanted, said.append)
    assert said == []


@pytest.mark.parametrize(
    ("nodes", "wanted", "message"),
    [
        ([(2, 0), (4, 0)], Wanted(8, 0), "a trial takes 8 CPU, and the largest node, n1 (10.0.0.1), has 4 CPU"),
        ([(64, 0), (4, 1)], Wanted(8, 1), "a trial takes 8 CPU and 1 GPU, and the largest node, n1 (10.0.0.1), has 4 CPU and 1 GPU"),
        ([(64, 0)], Wanted(1, 0.5), "a trial takes 1 CPU and 0.5 GPU, and the largest node, n0 (10.0.0.0), has 64 CPU and 0 GPU"),
        (
            [(4, 2), (4, 1)],
            Wanted(1, 1, processes=4),
            "a trial takes 4 processes with 1 CPU and 1 GPU each, and the largest node, n0 (10.0.0.0), has 4 CPU and 2 GPU, and all 2 nodes"
            " have room for 3",
        ),
    ],
)
def test_what_no_node_holds_is_refused(nodes: list[tuple[float, float]], wanted: Wanted, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        ensure_room(cluster(*nodes), wanted, lambda line: None)
    remedy = "ask for less, or start a node that holds it: `ray start --address=...` there. Nothing was started"
    assert str(caught.value) == f"resources: {message}; {remedy}"


def test_a_cluster_that_grows_is_waited_for_aloud() -> None:
    said: list[str] = []
    ensure_room(cluster((4, 0), group="small"), Wanted(8, 1), said.append)
    assert said == [
        "a trial takes 8 CPU and 1 GPU, and the largest node, n0 (10.0.0.0), has 4 CPU and 0 GPU; waiting for the cluster to grow by itself"
        " (its kinds of nodes: small)"
    ]


def test_the_gpus_of_a_cluster_are_those_of_its_nodes() -> None:
    assert cluster((4, 0), (8, 2)).gpus == ("H100", "H100")
    assert Cluster((ClusterNode("n", "a", 1, 1, "", ""),)).gpus == ("GPU",)


@pytest.mark.parametrize(
    ("said", "asks"),
    [
        ("Token authentication is enabled but Ray couldn't find an authentication token. Set RAY_AUTH_TOKEN", True),
        ("Token authentication is enabled but no authentication token was found", True),
        ("Unauthenticated: InvalidAuthToken", True),
        ("Loaded authentication token from the environment", False),
        ("Connection refused", False),
    ],
)
def test_a_token_that_is_missed_is_told_from_one_that_is_read(said: str, asks: bool) -> None:
    assert asks_for_token(said) == asks
