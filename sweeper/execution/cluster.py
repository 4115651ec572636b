"""What a Ray cluster has, asked of its head before anything joins it; and what is wrong with its address, each told within seconds.

`python -m sweeper.execution.cluster ADDRESS` is the process that asks, and prints a line of JSON: a plan stays without Ray, and Ray's
client waits for minutes where what answers is no Ray, and then ends the process that it is in.
"""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from sweeper.errors import RequestError
from sweeper.execution.own_process import environment_here, last_line

CONNECT_SECONDS = 5.0
"""For a head to take a connection."""
ANSWER_SECONDS = 60.0
"""For the process that asks: it loads Ray, which takes seconds on a busy machine."""
HEAD_SECONDS = 10.0
"""Of those, for the head's answer."""
REGISTERED_SECONDS = 5.0
"""For this machine to be on the head's list, after `ray start` on it."""
HERE = "run the command on a node of the cluster, with RAY_ADDRESS=auto or HOST:PORT of its head (6379 by default)"
_HTTP_2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""What a client of HTTP/2, and so of gRPC, says first: the preface and a frame of no settings (RFC 9113, 3.4)."""
_SETTINGS = 4
"""The type of the frame that the other side answers with, its fourth byte."""
_MODEL = "accelerator_type:"
"""Before the model of a node's GPUs, in the name of a resource."""


@dataclass(frozen=True)
class ClusterNode:
    """A node as its head knows it."""

    host: str
    address: str
    cpus: float
    gpus: float
    gpu_model: str
    """Empty where Ray does not know it."""
    group: str
    """What KubeRay or an autoscaler calls nodes of its kind; empty where nothing adds nodes."""

    def __str__(self) -> str:
        return f"{self.host} ({self.address})"


@dataclass(frozen=True)
class Cluster:
    """The nodes that live."""

    nodes: tuple[ClusterNode, ...]

    @property
    def gpus(self) -> tuple[str, ...]:
        """Of all nodes, the model of each."""
        return tuple(node.gpu_model or "GPU" for node in self.nodes for _ in range(int(node.gpus)))

    @property
    def groups(self) -> tuple[str, ...]:
        """Kinds of nodes of a cluster that may grow by itself; empty for one that does not."""
        return tuple(sorted({node.group for node in self.nodes} - {""}))


def ask_cluster(address: str) -> Cluster:
    """The cluster that RAY_ADDRESS names, which this machine is a node of.

    Raises:
        RequestError: Nothing answers at the address, or no Ray does; it asks for a token; this machine is no node of it.
    """
    shown = f"RAY_ADDRESS {address}"
    _ensure_answered(address, shown)
    command = [sys.executable, "-P", "-m", "sweeper.execution.cluster", address]
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=ANSWER_SECONDS, check=False, env=environment_here()
        )
    except subprocess.TimeoutExpired:
        raise RequestError(
            f"{shown}: the head does not answer within {ANSWER_SECONDS:g} s; is it a Ray cluster's, and well? {HERE}"
        ) from None
    written, lines = done.stderr, done.stdout.splitlines()
    if done.returncode or not lines:
        if asks_for_token(written):
            raise RequestError(wrong_token(address))
        raise RequestError(f"{shown}: what answers there is no head of a Ray cluster ({last_line(written)}); {HERE}")
    answer = json.loads(lines[-1])
    if (error := answer.get("error")) is not None:
        raise RequestError(wrong_token(address) if asks_for_token(error + written) else f"{shown}{error}")
    return Cluster(tuple(ClusterNode(**node) for node in answer["nodes"]))


def asks_for_token(said: str) -> bool:
    """Whether this is how Ray says that a cluster turned our token down, or missed one."""
    lower = said.lower()
    ways = ("authtoken", "unauthenticated", "auth token", "find an authentication token", "no authentication token")
    return any(way in lower for way in ways)


def wrong_token(address: str) -> str:
    """What to say of a cluster that asks for its token."""
    return f"RAY_ADDRESS {address}: the cluster asks for its token; set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN as on its head"


def _ensure_answered(address: str, shown: str) -> None:
    """The mistakes that can be told without Ray."""
    if address.startswith("ray://"):
        raise RequestError(f"{shown} is for Ray Client, and a sweep would end with its connection; {HERE}")
    if address.startswith(("http://", "https://")):
        raise RequestError(f"{shown} is of the cluster's dashboard, through which no sweep runs; {HERE}")
    if address == "auto":
        return
    if (found := re.fullmatch(r"\[?([^\s\[\]/]+?)\]?:([0-9]{1,5})", address)) is None:
        raise RequestError(f"{shown} is no HOST:PORT; {HERE}")
    if fault := _fault_of(found[1], int(found[2])):
        raise RequestError(f"{shown}: {fault} {HERE}")


def _fault_of(host: str, port: int) -> str | None:
    """What is wrong with what answers there, if it is no head of a Ray cluster: that speaks HTTP/2, and says so first."""
    try:
        with socket.create_connection((host, port), CONNECT_SECONDS) as connection:
            if os.environ.get("RAY_USE_TLS", "0") not in ("", "0"):
                return None
            connection.settimeout(CONNECT_SECONDS)
            connection.sendall(_HTTP_2)
            with contextlib.suppress(OSError):  # silent, or gone at once
                if len(said := connection.recv(4)) == 4 and said[3] == _SETTINGS:
                    return None
            return "what answers there is no head of a Ray cluster;"
    except (OSError, OverflowError, UnicodeError) as error:
        return f"nothing answers there ({error}); is the cluster up?"


def _answer(address: str) -> dict[str, Any]:
    """In the process that asks. What is wrong follows the address in a message."""
    from ray._private import services
    from ray._raylet import GcsClient  # type: ignore[attr-defined]  # compiled, without types

    if address == "auto" and len(services.find_gcs_addresses()) > 1 and services.find_bootstrap_address(None) is None:
        return {"error": ": several Ray clusters run on this machine; set it to HOST:PORT of the head of one"}  # Ray would take any
    try:
        head = services.canonicalize_bootstrap_address_or_die(address)
    except ConnectionError:
        return {"error": ": no Ray runs on this machine; start the command on a node of the cluster, or unset RAY_ADDRESS"}
    host, _, port = head.rpartition(":")
    if address == "auto" and (fault := _fault_of(host.strip("[]"), int(port))):  # what was started here before may be gone
        return {"error": f" is {head}: {fault} start a cluster again, or unset RAY_ADDRESS"}
    client = GcsClient(address=head)
    deadline = time.monotonic() + REGISTERED_SECONDS
    while True:
        # States are numbered as in Ray's protocol, where 0 is a node that lives.
        nodes = [node for node in client.get_all_node_info(timeout=HEAD_SECONDS).values() if node.state == 0]
        # As Ray itself finds out where a driver runs: by the raylets among this machine's processes.
        if {node.node_id.hex() for node in nodes} & set(services.find_node_ids()):
            return {"nodes": [asdict(_node(node)) for node in nodes]}
        if time.monotonic() > deadline:
            return {"error": f": this machine ({socket.gethostname()}) is no node of that cluster; {HERE}"}
        time.sleep(0.5)


def _node(node: Any) -> ClusterNode:
    held = dict(node.resources_total)
    model = next((name.removeprefix(_MODEL) for name in sorted(held) if name.startswith(_MODEL)), "")
    host, address = node.node_manager_hostname, node.node_manager_address
    return ClusterNode(host, address, held.get("CPU", 0.0), held.get("GPU", 0.0), model, node.node_type_name)


def _serve(address: str) -> None:
    out, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    try:
        answer = _answer(address)
    except Exception as error:  # whatever Ray raises here is an answer: it cannot be asked
        first = (str(error).strip().splitlines() or [""])[0]
        answer = {"error": f" cannot be asked for its nodes ({type(error).__name__}: {first}); {HERE}"}
    out.write(json.dumps(answer) + "\n")
    out.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])
