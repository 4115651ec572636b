"""Which class an exception has, and what is done about each class."""

import errno

import pytest
import torch
from pydantic import BaseModel, ValidationError

from model.errors import CheckpointError, ConfigError, DataError, DiskFull, Diverged, MetricError, Superseded
from sweeper.plan.failures import LOST_IN_A_ROW, advice, classify, decide
from sweeper.records import FailureClass


class OutOfMemoryError(RuntimeError):
    """torch.OutOfMemoryError by its name: planning does not load torch."""


def of_pydantic() -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        type("Two", (BaseModel,), {"__annotations__": {"a": int}})(a="x")
    return caught.value


def of_an_allocation() -> BaseException:
    """What torch really raises on a CPU when it is asked for more than there is."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    return caught.value


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConfigError("steps"), "config error"),
        (of_pydantic(), "config error"),
        (DataError("no such folder"), "data error"),
        (Diverged(3, "generation loss", float("nan")), "diverged"),
        (Superseded("a newer attempt"), "lost"),
        (DiskFull("no space"), "disk full"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk full"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory"),
        (MemoryError(), "out of memory"),
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "out of memory"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), "out of memory"),
        (of_an_allocation(), "out of memory"),
        (RuntimeError("expected scalar type Float but found Double"), "fault"),
        (CheckpointError("torn"), "fault"),
        (MetricError("evaluation.own_metrics: mine (metrics.Mine): value gave nan; return a finite number"), "fault"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "fault"),
        (KeyError("x"), "fault"),
    ],
)
def test_every_exception_has_a_class(error: BaseException, expected: FailureClass) -> None:
    assert classify(error) == expected


def test_torchs_own_error_has_that_name() -> None:
    assert classify(torch.OutOfMemoryError("whatever it says")) == "out of memory"


def test_a_want_of_memory_is_met_once_with_the_same_batch_in_smaller_parts() -> None:
    first = decide("out of memory", batch=48)
    assert (first.retry, first.accumulation) == (True, 2)
    assert first.policy == "tried again once with 2 micro-batches of 24 a step, the same batch of 48"
    again = decide("out of memory", batch=48, accumulation=2, smaller=True)
    assert (again.retry, again.policy) == (False, "not tried again: micro-batches of 24 were too large as well")
    assert decide("out of memory", batch=27, accumulation=3).accumulation == 9  # 9 images in parts of 3
    assert decide("out of memory", batch=14, processes=2).accumulation == 7  # what divides it evenly
    assert not decide("out of memory", batch=8, processes=4, accumulation=2).retry  # one image is not cut


def test_a_lost_worker_is_replaced_until_it_is_hopeless() -> None:
    assert decide("lost", lost=LOST_IN_A_ROW - 1).retry
    assert not decide("lost", lost=LOST_IN_A_ROW).retry


@pytest.mark.parametrize("failure", ["config error", "diverged", "data error", "disk full", "fault"])
def test_what_would_fail_again_is_not_tried_again(failure: FailureClass) -> None:
    verdict = decide(failure)
    assert not verdict.retry
    assert verdict.pause is (failure == "disk full")
    assert verdict.policy


def test_the_advice_ends_in_a_command() -> None:
    classes: tuple[FailureClass | None, ...] = (
        "config error",
        "out of memory",
        "diverged",
        "lost",
        "data error",
        "disk full",
        "fault",
        None,
    )
    asked = {failure: advice(failure, "sweeper run a.yaml") for failure in classes}
    assert all("sweeper run a.yaml" in said for said in asked.values())
    assert {failure for failure, said in asked.items() if "--retry-failed" in said} == {"config error", "out of memory"}
    assert asked["lost"] == "sweeper run a.yaml"
