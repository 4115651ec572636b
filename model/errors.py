"""What can go wrong in `model/`, by who has to act.

ModelError
├── ConfigError      the config asks for something that means nothing: the user changes the config
├── MetricError      a metric of the user's own gave no number: the user mends its class, and the weights are measured again
├── DataError        the data set is missing, unreadable or not what the config says: the user mends the data
├── CheckpointError  a checkpoint is torn, belongs to another trial or to another network: an older one is used, or the trial starts over;
│                    of a public one the user is told every key that does not fit
├── DiskFull         a checkpoint could not be written for want of space; the one before it is kept
├── Superseded       a newer attempt has this trial: this one may not write any more
└── Diverged         a loss or a metric became non-finite: a result of the trial, not a fault of the program
"""

import errno
import re

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "alloc_failed")


class ModelError(Exception):
    """Base of every error that `model/` raises on purpose; its message is written for the user."""


class ConfigError(ModelError, ValueError):
    """The config asks for something that means nothing. Also a ValueError, so pydantic reports it with its place."""


class MetricError(ModelError):
    """A metric of the user's own raised, or gave no finite number: not so of other weights, or once its class is mended."""


class DataError(ModelError):
    """The data set is missing, unreadable or not what the config says."""


class CheckpointError(ModelError):
    """A checkpoint cannot be used: torn, written by a different trial, or not of the network that was asked for."""


class DiskFull(ModelError):
    """There is no space left for a checkpoint; the one before it is whole."""


class Superseded(ModelError):
    """A newer attempt has taken the trial over; what this one would have written is refused."""


class Diverged(ModelError):
    """A loss became non-finite, and the weights did not move; or a metric did, of weights that moved too far."""

    def __init__(self, step: int, term: str, value: float) -> None:
        self.step, self.term, self.value = step, term, value
        super().__init__(f"{term} became {value} at step {step}; the weights before that step are kept")

    def __reduce__(self) -> tuple[type["Diverged"], tuple[int, str, float]]:
        return Diverged, (self.step, self.term, self.value)  # it crosses process borders


def is_full(error: BaseException) -> bool:
    """Whether a write failed for want of space; safetensors says so only in words."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    said = re.search(r"os error (\d+)", str(error))
    return said is not None and int(said.group(1)) in FULL


def is_out_of_memory(error: BaseException) -> bool:
    """Whether something failed for want of memory; libraries below torch say so only in words."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's, by its name: torch is not loaded here
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _OUT_OF_MEMORY)
