"""How trials fit a machine, and the conditions an attempt started there would have."""

from importlib.metadata import version
from typing import Any

import pytest
from pydantic import ValidationError

from model.config import TrainConfig
from sweeper.errors import SpecError
from sweeper.plan import machine as machines
from sweeper.plan.machine import Allotment, Machine, allot, expected_key
from sweeper.spec.sweep_spec import Resources

H100 = "NVIDIA H100"


@pytest.fixture(autouse=True)
def cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "cpu_model", lambda: "cpu (A)")


def machine(cores: int = 8, gpus: int = 0, cluster: bool = False) -> Machine:
    return Machine(cores, (H100,) * gpus, cluster)


@pytest.mark.parametrize(
    ("resources", "here", "asked", "allotment"),
    [
        ({}, machine(1), None, (1, 0, 1, "cpu (A)")),
        ({}, machine(8), None, (1, 0, 8, "cpu (A)")),
        ({"cpus": 3}, machine(8), None, (3, 0, 2, "cpu (A)")),
        ({"cpus": 8}, machine(8), None, (8, 0, 1, "cpu (A)")),
        ({"cpus": 0.5}, machine(2), None, (0.5, 0, 4, "cpu (A)")),
        ({}, machine(8), 3, (1, 0, 3, "cpu (A)")),
        ({"gpus": "auto"}, machine(8, 4), None, (1, 1, 4, H100)),
        ({"gpus": "auto"}, machine(2, 4), None, (1, 1, 2, H100)),
        ({"gpus": 0}, machine(8, 4), None, (1, 0, 8, "cpu (A)")),
        ({"gpus": 0.25}, machine(8, 1), None, (1, 0.25, 4, H100)),
        ({"gpus": 0.25}, machine(2, 1), None, (1, 0.25, 2, H100)),
        ({"gpus": 2}, machine(8, 4), None, (1, 2, 2, H100)),
        ({"gpus": 2}, machine(8, 4), 1, (1, 2, 1, H100)),
        # What Ray's cluster has is not known here, so nothing is refused and Ray packs.
        ({"cpus": 64, "gpus": 8}, machine(2, cluster=True), None, (64, 8, 10_000, None)),
        ({"cpus": 64, "gpus": 8}, machine(2, cluster=True), 4, (64, 8, 4, None)),
    ],
)
def test_allotment(resources: dict[str, Any], here: Machine, asked: int | None, allotment: tuple[Any, ...]) -> None:
    found = allot(Resources(**resources), here, asked)
    assert (found.cpus, found.gpus, found.concurrent, found.device) == allotment


@pytest.mark.parametrize(("cpus", "threads"), [(0.5, 1), (1, 1), (1.9, 1), (4, 4)])
def test_threads_are_the_whole_part(cpus: float, threads: int) -> None:
    assert Allotment(cpus, 0, 1, None).threads == threads


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"cpus": 9}, "resources.cpus: a trial asks for 9, this machine has 8; ask for fewer"),
        (
            {"gpus": 1},
            "resources.gpus: a trial asks for 1, this machine has 0; ask for fewer, or set RAY_ADDRESS to a cluster that has them",
        ),
        (
            {"gpus": 0.5},
            "resources.gpus: a trial asks for 0.5, this machine has 0; ask for fewer, or set RAY_ADDRESS to a cluster that has them",
        ),
    ],
)
def test_more_than_the_machine_has_is_refused(resources: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        allot(Resources(**resources), machine(8), None)
    assert str(caught.value) == message


def test_different_gpus_are_refused_unless_they_are_to_count_alike() -> None:
    mixed = Machine(8, (H100, "NVIDIA T400 4GB"), cluster=False)
    with pytest.raises(SpecError) as caught:
        allot(Resources(gpus="auto"), mixed, None)
    assert str(caught.value) == (
        "resources.gpus: trials of a sweep are compared, so they run on one model of GPU, and this machine has several"
        " (0: NVIDIA H100, 1: NVIDIA T400 4GB); choose with CUDA_VISIBLE_DEVICES, or count all models alike with --allow-mixed device"
    )
    assert allot(Resources(gpus="auto"), mixed, None, mixed_devices=True).concurrent == 2
    assert allot(Resources(gpus=0), mixed, None).device == "cpu (A)"


def test_the_key_on_a_cpu_names_its_threads_and_on_a_gpu_its_precision() -> None:
    torch = version("torch").split("+")[0]
    config = TrainConfig(batch_size=64)
    assert expected_key(config, allot(Resources(cpus=2), machine(), None)) == {
        "device": "cpu (A)",
        "torch": torch,
        "precision": "fp32",
        "world_size": 1,
        "micro_batch": 64,
        "threads": 2,
    }
    gpu = expected_key(config, allot(Resources(gpus=1), machine(gpus=1), None))
    assert (gpu["device"], gpu["precision"], gpu["threads"]) == (H100, "bf16", None)


def test_the_key_of_a_cluster_leaves_out_what_is_not_known() -> None:
    key = expected_key(TrainConfig(), allot(Resources(gpus=1), machine(cluster=True), None))
    assert key.keys() == {"precision", "world_size", "micro_batch", "threads"}


@pytest.mark.parametrize(("address", "cluster"), [(None, False), ("", False), ("auto", True), ("ray://head:10001", True)])
def test_this_machine_or_the_cluster_of_ray_address(monkeypatch: pytest.MonkeyPatch, address: str | None, cluster: bool) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if address is not None:
        monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setattr(machines, "usable_cores", lambda: 3)
    monkeypatch.setattr(machines, "gpu_models", lambda: (H100,))
    assert Machine.here() == Machine(3, (H100,), cluster)


def test_several_processes_share_what_a_trial_takes() -> None:
    on_cores = allot(Resources(cpus=4, gpus=0, processes=2), Machine(8, (), cluster=False), None)
    assert (on_cores.processes, on_cores.threads, on_cores.concurrent) == (2, 2, 2)
    on_gpus = allot(Resources(cpus=16, gpus=8), Machine(32, ("H100",) * 8, cluster=False), None)
    assert (on_gpus.processes, on_gpus.threads, on_gpus.concurrent) == (8, 2, 1)
    assert allot(Resources(gpus=0.5), Machine(4, ("H100",), cluster=False), None).processes == 1
    key = expected_key(TrainConfig(accumulation=4), on_gpus)
    assert (key["world_size"], key["micro_batch"]) == (8, 8)


@pytest.mark.parametrize(("gpus", "shown"), [("auto", "gpus is auto"), (2, "gpus is 2")])
def test_processes_are_counted_once(gpus: object, shown: str) -> None:
    with pytest.raises(ValidationError, match=f"processes: 2 is for trials on CPUs, and {shown}; set gpus: 0, or leave processes out"):
        Resources.model_validate({"processes": 2, "gpus": gpus})
