"""The files for Slurm and Kubernetes, as far as they can be checked without either: what they run, and that every name in them exists."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeper.settings import Settings

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docker" / "slurm" / "sweep.sbatch"
JOB = ROOT / "docker" / "kubernetes" / "rayjob.yaml"
STORAGE = ROOT / "docker" / "kubernetes" / "storage.yaml"
KNOWN = {f"SWEEPER_{name.upper()}" for name in Settings.model_fields}
TOOLS = {
    "scontrol": 'if [ "$1" = show ]; then printf "node7\\nnode8\\n"; else echo "$@" >> "$TOLD"; fi',
    # What Slurm starts has no trap of the batch shell.
    "srun": 'while [ "${1#-}" != "$1" ]; do shift; done; env --default-signal=USR1,USR2 "$@"',
    # Says how it was called, and would die of a warning.
    "ray": 'printf "%s\\n" "$@" > "$CALLED"; env > "$CALLED.env"; while [ "$1" != -- ]; do shift; done; shift; "$@"',
    # As Slurm warns the batch shell alone: it goes on only when the warning has come back to it.
    "sweeper": """trap 'echo warned > "$CALLED.warned"; exit "$CODE"' USR1
if [ "$WARN" = yes ]; then
    kill -USR1 "$BATCH"
    for _ in $(seq 300); do sleep 0.1; done
    exit 99
fi
exit "$CODE\"""",
}
Run = Callable[..., tuple[int, list[str], dict[str, str], str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the batch script with tools in place of Slurm's and Ray's, the sweep ending with a code: what became of it."""
    for name, body in TOOLS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    slurm = {"SLURM_JOB_ID": "41", "SLURM_JOB_NODELIST": "node[7-8]", "SLURM_JOB_NUM_NODES": "2", "SLURM_CPUS_ON_NODE": "64"}
    more = {"SLURM_GPUS_ON_NODE": "8", "SWEEPER_HOME": "/shared/mine", "CALLED": str(tmp_path / "called"), "TOLD": str(tmp_path / "told")}

    def call(code: int, warn: str = "") -> tuple[int, list[str], dict[str, str], str]:
        environment = {"PATH": f"{tmp_path}{os.pathsep}/usr/bin:/bin", "CODE": str(code), "WARN": warn} | slurm | more
        batch = ["bash", "-c", 'export BATCH=$$; exec bash "$0" "$@"', str(SCRIPT), "a sweep.yaml", "--profile", "large"]
        done = subprocess.run(batch, env=environment, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        seen = dict(line.split("=", 1) for line in (tmp_path / "called.env").read_text().splitlines())
        told = tmp_path / "told"
        return done.returncode, (tmp_path / "called").read_text().splitlines(), seen, told.read_text() if told.exists() else ""

    return call


def test_the_batch_script_runs_the_sweep_on_a_ray_of_its_own(run: Run) -> None:
    code, called, seen, told = run(0)
    assert (code, told) == (0, "")
    ours, entry = called[: called.index("--")], called[called.index("--") + 1 :]
    assert ours == ["symmetric-run", "--address", "node7:20041", "--min-nodes", "2", "--num-cpus=64", "--num-gpus=8"]
    assert entry[:5] == ["env", "RAY_ADDRESS=node7:20041", "bash", "-c", 'echo $$ > "$0"; exec sweeper run "$@"']
    assert not Path(entry[5]).exists()
    assert entry[6:] == ["a sweep.yaml", "--profile", "large"]
    assert re.fullmatch("[0-9a-f]{64}", seen["RAY_AUTH_TOKEN"])
    assert (seen["RAY_AUTH_MODE"], seen["SWEEPER_HOME"]) == ("token", "/shared/mine")
    assert {name for name in seen if name.startswith("SWEEPER_")} <= KNOWN
    assert run(0)[2]["RAY_AUTH_TOKEN"] != seen["RAY_AUTH_TOKEN"], "each job has its own"


@pytest.mark.parametrize(("code", "told"), [(130, "requeue 41\n"), (3, ""), (2, "")])
def test_an_interrupted_sweep_is_put_back_into_the_queue(code: int, told: str, run: Run) -> None:
    ended, _, _, requeued = run(code)
    assert (ended, requeued) == (code, told)


def test_slurm_s_warning_comes_to_the_sweep_and_not_to_ray(run: Run, tmp_path: Path) -> None:
    ended, _, _, requeued = run(130, warn="yes")
    assert (ended, requeued) == (130, "requeue 41\n")
    assert (tmp_path / "called.warned").read_text() == "warned\n"


def test_the_options_are_those_of_this_ray() -> None:
    from ray.scripts.scripts import start
    from ray.scripts.symmetric_run import symmetric_run

    known = {option for command in (start, symmetric_run) for parameter in command.params for option in parameter.opts}
    text = "".join(line for line in SCRIPT.read_text().splitlines(keepends=True) if not line.startswith("#")).split("ray symmetric-run")[1]
    used = set(re.findall(r"--[a-z][a-z-]+", text.split(" -- ")[0]))
    assert used == {"--address", "--min-nodes", "--num-cpus", "--num-gpus"}
    assert used <= known
    job = job_spec()["rayClusterSpec"]
    parameters = {f"--{name}" for group in (job["headGroupSpec"], *job["workerGroupSpecs"]) for name in group["rayStartParams"]}
    assert parameters <= known


def test_time_for_checkpoints_fits_the_warning() -> None:
    text = SCRIPT.read_text()
    (warning,) = re.findall(r"^#SBATCH --signal=B:USR1@(\d+)$", text, flags=re.MULTILINE)
    (stop,) = re.findall(r"SWEEPER_STOP_SECONDS:-(\d+)", text)
    # Trackers may take half a minute after it, and Ray's workers notice after a minute that the head has gone.
    assert int(stop) + 30 + 60 <= int(warning) - 30


def job_spec() -> Mapping[str, Any]:
    job = yaml.safe_load(JOB.read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec: Mapping[str, Any] = job["spec"]
    return spec


def pods() -> Iterator[tuple[str, Mapping[str, Any]]]:
    cluster = job_spec()["rayClusterSpec"]
    yield "head", cluster["headGroupSpec"]["template"]["spec"]
    for group in cluster["workerGroupSpecs"]:
        yield group["groupName"], group["template"]["spec"]


def test_the_job_runs_this_ray_and_a_command_that_exists() -> None:
    from typer.main import get_command

    from sweeper.cli.app import app

    spec = job_spec()
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    assert spec["rayClusterSpec"]["rayVersion"] == pinned["ray"]
    program, command, *_ = spec["entrypoint"].split()
    assert program == "sweeper"
    assert command in get_command(app).commands  # type: ignore[attr-defined]
    assert spec["rayClusterSpec"]["authOptions"] == {"mode": "token"}
    assert "cluster" in re.findall(r"'\.\[([\w,]+)\]'", (ROOT / "docker/Dockerfile").read_text())[0].split(","), "jobs need ray[default]"


def test_every_pod_has_the_same_image_user_and_shared_folder() -> None:
    folder = re.findall(r"SWEEPER_HOME=(\S+)", (ROOT / "docker/Dockerfile").read_text())[0]
    user = int(re.findall(r"^USER (\d+):", (ROOT / "docker/Dockerfile").read_text(), flags=re.MULTILINE)[0])
    claim = yaml.safe_load(STORAGE.read_text())
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    images = set()
    for _, pod in pods():
        (container,) = pod["containers"]
        images.add(container["image"])
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert mounts.keys() == volumes.keys()
        assert (mounts["data"], mounts["shm"]) == (folder, "/dev/shm")
        assert volumes["data"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        assert pod["securityContext"] == {"runAsUser": user, "runAsGroup": user, "fsGroup": user}
    assert len(images) == 1


def test_the_store_s_password_is_a_secret_of_the_driver_s_pod_alone() -> None:
    of = {name: pod["containers"][0].get("env", []) for name, pod in pods()}
    names = {variable["name"] for variable in of["head"]}
    assert {name for name in names if name.startswith("SWEEPER_")} <= KNOWN
    secret = {variable["name"] for variable in of["head"] if "secretKeyRef" in variable.get("valueFrom", {})}
    assert secret == {"SWEEPER_DATABASE_URL", "PGPASSWORD"}
    assert {name: env for name, env in of.items() if name != "head"} == {"gpu": []}
    assert "password" not in json.dumps([variable.get("value", "") for variable in of["head"]])


def test_workers_may_come_and_go_and_the_head_takes_no_trial() -> None:
    cluster = job_spec()["rayClusterSpec"]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    head = {variable["name"]: variable.get("value") for variable in cluster["headGroupSpec"]["template"]["spec"]["containers"][0]["env"]}
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] < group["maxReplicas"]
        assert head["TUNE_MAX_PENDING_TRIALS_PG"] == str(group["maxReplicas"])
    assert "resources.gpus=" in job_spec()["entrypoint"], "auto finds no GPU before a worker has come"
