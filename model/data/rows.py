"""Rows of a large array for a device: held there whole, or brought from disk a batch ahead."""

import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy.typing as npt
import torch
from torch import Tensor

from model.config.data import Residence
from model.data.mapped import begin_reading
from model.transfer import moved

AHEAD = 16
"""Batches that may wait to be asked for; what was expected and never came is forgotten."""


class Rows(Protocol):
    """A row per image."""

    def at(self, places: Tensor) -> Tensor:
        """The rows at `places` (n,), a CPU tensor, on the device."""

    def expect(self, places: Tensor) -> None:
        """These will be asked for soon."""


class ResidentRows:
    """All on the device."""

    def __init__(self, array: npt.NDArray[Any], device: torch.device) -> None:
        self._rows = tensor_over(array).to(device, copy=True)

    def at(self, places: Tensor) -> Tensor:
        return self._rows.index_select(0, moved(places, self._rows.device))

    def expect(self, places: Tensor) -> None:
        """They are there."""


class StreamedRows:
    """In a mapped file: a thread reads what is expected while the device computes, into pinned memory where that is a GPU."""

    def __init__(self, array: npt.NDArray[Any], device: torch.device) -> None:
        self._mapped, self._array, self._device = array, tensor_over(array), device
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="rows")
        self._coming: dict[bytes, Future[Tensor]] = {}

    def at(self, places: Tensor) -> Tensor:
        coming = self._coming.pop(_key(places), None)
        rows = self._read(places) if coming is None else coming.result()
        return rows.to(self._device, non_blocking=True)

    def expect(self, places: Tensor) -> None:
        if (key := _key(places)) not in self._coming:
            while len(self._coming) >= AHEAD:
                self._coming.pop(next(iter(self._coming)))
            self._coming[key] = self._reader.submit(self._read, places)

    def _read(self, places: Tensor) -> Tensor:
        begin_reading(self._mapped, places.numpy())
        rows = self._array.index_select(0, places)  # lets other threads run, unlike an array's
        return rows.pin_memory() if self._device.type == "cuda" else rows


def _key(places: Tensor) -> bytes:
    return places.numpy().tobytes()


def rows_of(array: npt.NDArray[Any], residence: Residence, device: torch.device) -> Rows:
    """The rows of an array, mapped or not, where a config's `residence` wants them."""
    resident = residence == "device" or (residence == "auto" and fits(array, device))
    return ResidentRows(array, device) if resident else StreamedRows(array, device)


def tensor_over(array: npt.NDArray[Any]) -> Tensor:
    """The same memory. Of a map that may only be read torch would warn; nobody writes to it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)


def fits(array: npt.NDArray[Any], device: torch.device) -> bool:
    """Whether a GPU has room: the array takes at most half of what is free. In a CPU's memory the system keeps what was read anyway."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return array.nbytes <= free / 2
