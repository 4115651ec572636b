"""Whether a cluster has room for a trial: one that no node can hold would be waited for without an end."""

from collections.abc import Callable
from dataclasses import dataclass

from sweeper.errors import RequestError
from sweeper.execution.cluster import Cluster, ClusterNode


@dataclass(frozen=True)
class Wanted:
    """What a trial takes: so many processes alike, each on one node."""

    cpus: float
    """Of one process."""
    gpus: float
    processes: int = 1

    def __str__(self) -> str:
        each = _amount(self.cpus, self.gpus, with_gpus=self.gpus > 0)
        return each if self.processes == 1 else f"{self.processes} processes with {each} each"


def ensure_room(cluster: Cluster, wanted: Wanted, say: Callable[[str], None]) -> None:
    """Compares a trial with the empty cluster.

    Args:
        cluster: As it is now.
        wanted: What a trial takes.
        say: Tells the user what is waited for, where the cluster may grow.

    Raises:
        RequestError: The cluster holds no trial and does not grow by itself.
    """
    if sum(_fitting(node, wanted) for node in cluster.nodes) >= wanted.processes:
        return
    largest = max(cluster.nodes, key=lambda node: _closeness(node, wanted))
    held = f"the largest node, {largest}, has {_amount(largest.cpus, largest.gpus, with_gpus=wanted.gpus > 0)}"
    if _fitting(largest, wanted):
        held += f", and all {len(cluster.nodes)} nodes have room for {sum(_fitting(node, wanted) for node in cluster.nodes)}"
    if cluster.groups:
        groups = ", ".join(cluster.groups)
        say(f"a trial takes {wanted}, and {held}; waiting for the cluster to grow by itself (its kinds of nodes: {groups})")
        return
    raise RequestError(
        f"resources: a trial takes {wanted}, and {held}; ask for less, or start a node that holds it: `ray start --address=...` there."
        " Nothing was started"
    )


def _fitting(node: ClusterNode, wanted: Wanted) -> int:
    """Processes that an empty node holds. Ray counts in ten-thousandths."""
    rooms = [(held + 1e-4) / asked for held, asked in ((node.cpus, wanted.cpus), (node.gpus, wanted.gpus)) if asked]
    return int(min(rooms, default=wanted.processes))


def _closeness(node: ClusterNode, wanted: Wanted) -> tuple[float, float, float]:
    """Orders nodes by the share that they have of what is scarcest, then by GPUs and cores."""
    shares = [held / asked for held, asked in ((node.cpus, wanted.cpus), (node.gpus, wanted.gpus)) if asked]
    return min(shares, default=1.0), node.gpus, node.cpus


def _amount(cpus: float, gpus: float, *, with_gpus: bool) -> str:
    return f"{cpus:g} CPU" + (f" and {gpus:g} GPU" if with_gpus else "")
