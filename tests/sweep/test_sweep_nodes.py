"""A cluster of two real nodes, the second of which lacks something: one line that names it, and nothing is recorded.

The second node is in a mount namespace of its own, where the driver's SWEEPER_HOME is another, empty folder.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from sweeper_home import COMMAND, TINY, Home, below, wait_for

from tests.ray_cluster import ray_cluster

pytestmark = pytest.mark.slow
NODES = "import ray; ray.init(log_to_driver=False); print(sum(node['Alive'] for node in ray.nodes()))"


@pytest.fixture
def head() -> Iterator[dict[str, str]]:
    with ray_cluster(1) as variables:
        yield variables


@pytest.fixture
def second(head: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Starts a second node, which sees another folder in place of each of those given."""
    started: list[subprocess.Popen[bytes]] = []
    environment = os.environ | head | {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONWARNINGS": "ignore"}
    ray = str(Path(sys.executable).with_name("ray"))

    def start(*hidden: Path) -> None:
        mounts = "".join(f"mount -t tmpfs tmpfs {folder} && " for folder in hidden)
        join = f"exec {ray} start --address={head['RAY_ADDRESS']} --num-cpus=1 --num-gpus=2 --block"
        if hidden and subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
            pytest.skip("no mount namespaces: unshare needs root with CAP_SYS_ADMIN")
        command = ["unshare", "--mount", "sh", "-c", mounts + join] if hidden else ["sh", "-c", join]
        with (tmp_path / "second.log").open("w") as log:
            started.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True))

        def joined() -> bool:
            found = subprocess.run([sys.executable, "-c", NODES], env=environment, capture_output=True, text=True, check=False)
            return found.stdout.strip() == "2"

        wait_for(joined)

    yield start
    for process in started:
        for each in below(process.pid):  # Ray's own processes are in groups of theirs
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        process.wait()


def test_a_node_without_the_driver_s_storage_is_named_and_nothing_is_recorded(
    new_home: Callable[..., Home], head: dict[str, str], second: Callable[..., None]
) -> None:
    home = new_home("home", head)
    second(home.path)
    planned = json.loads(home.run("plan", str(TINY), "--set", "resources.gpus=auto", "--json"))
    assert planned["resources"]["gpus"] == 1, "those of the cluster: this machine has none"
    large = home.sweep("--set", "resources.cpus=8", exit_code=2)
    assert f"a trial takes 8 CPU, and the largest node, {socket.gethostname()} (" in large
    assert large.rstrip().endswith(
        "), has 1 CPU; ask for less, or start a node that holds it: `ray start --address=...` there. Nothing was started"
    )
    said = home.sweep(exit_code=2)
    assert "asking 1 other node of the cluster for storage, software and data" in said
    assert f"does not see SWEEPER_HOME {home.path} of this machine; share that folder under the same path on every node" in said
    assert said.rstrip().endswith("Nothing was started")
    assert "Traceback" not in said
    assert not (home.path / "sweeper.db").exists()
    assert not list(home.path.glob("node-check-*"))


def test_a_machine_that_is_no_node_of_the_cluster_is_told_so(new_home: Callable[..., Home], head: dict[str, str]) -> None:
    """In a process namespace of its own no raylet is seen, by which Ray knows a node of its cluster."""
    apart = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no process namespaces: unshare needs root with CAP_SYS_ADMIN")
    home = new_home("home", head)

    def refused(**more: str) -> str:
        command = [*apart, *COMMAND, "run", str(TINY)]
        done = subprocess.run(command, env=home.environment | more, cwd=home.path, capture_output=True, text=True, timeout=300, check=False)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        return done.stderr

    remedy = "run the command on a node of the cluster, with RAY_ADDRESS=auto or HOST:PORT of its head (6379 by default)"
    fault = f"this machine ({socket.gethostname()}) is no node of that cluster"
    assert refused() == f"error: RAY_ADDRESS {head['RAY_ADDRESS']}: {fault}; {remedy}\n"
    remedy = "start the command on a node of the cluster, or unset RAY_ADDRESS"
    assert refused(RAY_ADDRESS="auto", RAY_TMPDIR=str(home.path)) == f"error: RAY_ADDRESS auto: no Ray runs on this machine; {remedy}\n"
    assert not (home.path / "sweeper.db").exists()


def test_a_node_without_the_data_is_named(
    new_home: Callable[..., Home], head: dict[str, str], second: Callable[..., None], tmp_path: Path
) -> None:
    import numpy as np

    home, folder = new_home("home", head), tmp_path / "data"
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    np.savez(folder / "mine.npz", images=images, labels=np.arange(40) % 4)
    second(folder)
    said = home.sweep("--set", f"base.data={{kind: npz, path: {folder / 'mine.npz'}}}", exit_code=2)
    assert f"lacks the data: data.path: there is no file {folder / 'mine.npz'}" in said
    assert not (home.path / "sweeper.db").exists()


def test_nodes_that_share_all_train_and_one_that_joins_without_the_storage_is_named_in_each_attempt(
    new_home: Callable[..., Home], head: dict[str, str], second: Callable[..., None]
) -> None:
    home = new_home("home", head)
    process = home.start("run", str(TINY), "--set", "seeds=[0, 1]", "--set", "base.steps=800", "--set", "base.checkpoint_every=20")
    wait_for(lambda: bool(list(home.path.glob("trials/*/attempt-*/checkpoint-*"))))
    second(home.path)  # it joins while the first trial runs, and the second trial is placed there
    output, _ = process.communicate(timeout=500)
    assert process.returncode in (0, 3), output
    assert "does not see" in output
    assert "which the driver made; share SWEEPER_HOME under the same path on every node" in output
    assert all(outcome.state in ("finished", "pending", "lost") for outcome in home.snapshot().outcomes)
    finished = [outcome for outcome in home.snapshot().outcomes if outcome.state == "finished"]
    assert finished, "on the node that shares the storage"
    assert shutil.which("unshare") is not None


def test_a_node_that_does_not_see_the_folder_of_the_users_module_trains_with_a_copy(
    new_home: Callable[..., Home], head: dict[str, str], second: Callable[..., None], tmp_path: Path
) -> None:
    home, folder = new_home("home", head), tmp_path / "sweeps"
    folder.mkdir()
    (folder / "orders_nearby.py").write_text(
        "import torch\nfrom model.noise.assignments import Assignment\n\n\nclass Raster(Assignment):\n"
        "    def order(self, counts, streams, purpose):\n        print('an order of', __file__)\n"
        "        return torch.arange(sum(counts)).expand(streams.size, -1)\n"
    )
    sweep = yaml.safe_load(TINY.read_text()) | {"name": "own", "contrasts": [], "seeds": [0, 1]}
    sweep["base"] |= {"timesteps": {"kind": "dual"}, "steps": 400, "partition": {"assignment": "orders_nearby.Raster"}}
    sweep["design"] = {"kind": "variants", "variants": {"own": {}}}
    (folder / "own.yaml").write_text(yaml.safe_dump(sweep))
    second(folder)
    home.run("run", str(folder / "own.yaml"))
    outcomes = home.snapshot().outcomes
    assert [outcome.state for outcome in outcomes] == ["finished", "finished"]
    logs = [(home.path / "trials" / outcome.fingerprint / "attempt-1" / "log.txt").read_text() for outcome in outcomes]
    places = {line.rpartition(" ")[2] for log in logs for line in log.splitlines() if line.startswith("an order of")}
    assert len(places) == 2, "one trial ran on each node"
    assert str(folder / "orders_nearby.py") in places
    (copy,) = places - {str(folder / "orders_nearby.py")}
    assert Path(copy).is_relative_to(home.path / "artifacts" / "code")
