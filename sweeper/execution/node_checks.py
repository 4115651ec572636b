"""Before anything is recorded on a cluster: whether every node that may hold a trial sees the driver's storage and has the same software,
the same data and the same weights.

A node that joins later is asked by its first attempt (`trial_worker`). Where all nodes are this machine, nothing is asked.
"""

import contextlib
import json
import platform
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sweeper.errors import RequestError

ANSWER_SECONDS = 180.0
"""For all nodes: each starts a worker, which takes seconds, and reads the data once."""
PACKAGES = ("sweeper", "torch", "ray")
"""Whose versions are compared, beside Python's; Ray may have been told to let nodes with another Python join."""
MOST_NAMED = 3


@dataclass(frozen=True)
class Needs:
    """What a node must have to hold trials of a sweep."""

    root: Path
    """SWEEPER_HOME."""
    data: Mapping[str, str]
    """Content hash -> the `data` section of a config, as JSON."""
    files: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Weights and references: (place in a config, path) -> content hash."""
    any_torch: bool = False
    """Whether results of several versions of torch count alike (`--allow-mixed torch`)."""


def ensure_nodes_fit(needs: Needs, *, say: Callable[[str], None]) -> None:
    """Asks every node of the cluster that was joined.

    Args:
        needs: What each must have.
        say: Tells the user what takes some seconds.

    Raises:
        RequestError: A node does not fit, in a line that names it, what differs and the remedy; nothing was recorded.
    """
    import ray

    nodes = [node for node in ray.nodes() if node["Alive"]]
    mine = ray.get_runtime_context().get_node_id()
    others = [node for node in nodes if node["NodeID"] != mine and (node["Resources"].get("CPU") or node["Resources"].get("GPU"))]
    if not others:
        return
    say(f"asking {len(others)} other node{'s' if len(others) > 1 else ''} of the cluster for storage, software and data")
    with _token(needs.root) as (path, word):
        faults = _asked(others, needs, path, word)
    if faults:
        shown = "; ".join(faults[:MOST_NAMED]) + (f"; and {len(faults) - MOST_NAMED} more nodes" if len(faults) > MOST_NAMED else "")
        raise RequestError(f"{shown}. Nothing was started")


@contextlib.contextmanager
def _token(root: Path) -> Iterator[tuple[Path, str]]:
    """A file in the driver's storage with a word in it that no other storage holds."""
    word = secrets.token_hex(8)
    path = root / f"node-check-{word}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        path.write_text(word)
    except OSError as error:
        raise RequestError(f"SWEEPER_HOME {root} cannot be written to ({error.strerror}); make it writable, or set another") from error
    try:
        yield path, word
    finally:
        for left in root.glob(f"{path.name}*"):
            with contextlib.suppress(OSError):
                left.unlink()


def _asked(nodes: Sequence[Mapping[str, Any]], needs: Needs, path: Path, word: str) -> list[str]:
    """What is wrong, a sentence per node that does not fit."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked = {}
    for node in nodes:
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        question = ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=there)(look)
        asked[node["NodeID"]] = question.remote(str(path), word, dict(needs.data), tuple(needs.files))
    ray.wait(list(asked.values()), num_returns=len(asked), timeout=ANSWER_SECONDS)
    faults = []
    for node in nodes:
        name = f"node {node.get('NodeManagerHostname', '?')} ({node['NodeManagerAddress']})"
        try:
            found = ray.get(asked[node["NodeID"]], timeout=0)
        except Exception as error:
            faults.append(f"{name} {_trouble(error)}")
            continue
        if fault := _fault(found, needs, path, word):
            faults.append(f"{name} {fault}")
    return faults


def _trouble(error: Exception) -> str:
    if "No module named 'sweeper" in str(error) or "No module named 'model" in str(error):
        return "has no sweeper installed; install the same version there"
    if type(error).__name__ == "GetTimeoutError":
        return f"did not answer within {ANSWER_SECONDS:g} s; remove it from the cluster, or try again"
    said = (str(error).strip().splitlines() or [""])[-1][:200]
    return f"cannot answer ({type(error).__name__}: {said}); is the same version of sweeper installed there?"


def _fault(found: Mapping[str, Any], needs: Needs, path: Path, word: str) -> str | None:
    if found["storage"] is not None:
        return f"{found['storage']}; share that folder under the same path on every node, or set SWEEPER_HOME to one that they share"
    if not path.with_name(f"{path.name}-{found['host']}-{found['process']}").exists():
        return f"writes into another {needs.root} than this machine's; share that folder under the same path on every node"
    for package, there in found["versions"].items():
        here = _versions()[package]
        if there != here and not (package == "torch" and needs.any_torch):
            more = ", or count all versions alike with --allow-mixed torch" if package == "torch" else ""
            return f"has {package} {there or 'not installed'}, and this machine {here}; install the same{more}"
    for wanted, content in found["data"].items():
        if content != wanted:
            return content if " " in content else f"has other data: content {content}, and this machine {wanted}; copy the same data there"
    for (place, file), content in zip(needs.files, found["files"], strict=True):
        wanted = needs.files[place, file]
        if content != wanted:
            other = f"has another {place}: {file} has the content {content} there, and {wanted} on this machine; copy the same file there"
            return content if " " in content else other
    return None


def look(path: str, word: str, data: dict[str, str], files: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    """What a node answers. It leaves a file beside the driver's, by which the driver sees that it can write there."""
    import os

    token, host, process = Path(path), socket.gethostname(), os.getpid()
    storage = None
    try:
        if token.read_text() != word:
            storage = f"sees another {token.parent} than this machine's"
        else:
            token.with_name(f"{token.name}-{host}-{process}").touch()
    except FileNotFoundError:
        storage = f"does not see SWEEPER_HOME {token.parent} of this machine"
    except OSError as error:
        storage = f"cannot write into SWEEPER_HOME {token.parent} ({error.strerror})"
    return {
        "host": host,
        "process": process,
        "storage": storage,
        "versions": _versions(),
        "data": {wanted: _content(section) for wanted, section in data.items()},
        "files": [_content_of_file(place, file) for place, file in files],
    }


def _versions() -> dict[str, str | None]:
    return {"Python": platform.python_version()} | {package: _version(package) for package in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package).split("+")[0]  # torch for CPUs and for GPUs is one release
    except PackageNotFoundError:
        return None


def _content(section: str) -> str:
    """Content hash of the data there, or what is wrong with it."""
    from pydantic import TypeAdapter

    from model.config import DataConfig
    from model.errors import ModelError
    from model.train_trial import facts

    try:
        config: DataConfig = TypeAdapter(DataConfig).validate_python(json.loads(section))
        return facts(config).content_hash
    except ModelError as error:
        return f"lacks the data: {error}"


def _content_of_file(place: str, path: str) -> str:
    """Content hash of the file there, or what is wrong with it."""
    from model.config import content_on_this_machine
    from model.errors import ModelError

    try:
        return content_on_this_machine(place, path)
    except ModelError as error:
        return f"lacks a file: {error}"
