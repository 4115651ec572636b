"""Mappings of many numbers in little memory: a sweep of a hundred thousand trials has millions of them.

Both are read-only and equal to a dict of the same content. Keys are shared between mappings (see `Shared`), values lie in one array.
"""

from array import array
from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from typing import Any, Generic, TypeVar, final

Key = TypeVar("Key", str, int)
_ABSENT = float("nan")
"""Where a series has no value at a step; no value of the store is NaN."""


@final
class Numbers(Mapping[Key, float], Generic[Key]):
    """Key -> value, in the order of the keys."""

    __slots__ = ("_places", "_values")

    def __init__(self, places: Mapping[Key, int], values: "array[float]") -> None:
        """`places`: key -> its index in `values`, ascending."""
        self._places: Mapping[Key, int] = places
        self._values = values

    def __getitem__(self, key: Key) -> float:
        return self._values[self._places[key]]

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[Key]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._values)

    def items(self) -> ItemsView[Key, float]:
        return dict(zip(self._places, self._values, strict=True)).items()

    def values(self) -> ValuesView[float]:
        return dict(zip(self._places, self._values, strict=True)).values()

    def __repr__(self) -> str:
        return repr(dict(self.items()))


@final
class Series(Mapping[str, Mapping[int, float]]):
    """Metric -> step -> value, metrics and steps ascending; a step without a value is not in its metric's mapping."""

    __slots__ = ("_metrics", "_steps", "_values")

    def __init__(self, metrics: Mapping[str, int], steps: Mapping[int, int], values: "array[float]") -> None:
        """`values`: one for each metric and step, those of a metric together; NaN where there is none."""
        self._metrics, self._steps, self._values = metrics, steps, values

    def __getitem__(self, metric: str) -> dict[int, float]:
        first = self._metrics[metric] * len(self._steps)
        row = self._values[first : first + len(self._steps)]
        return {step: value for step, value in zip(self._steps, row, strict=True) if value == value}

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)

    def __repr__(self) -> str:
        return repr({metric: self[metric] for metric in self})


class Shared:
    """Makes such mappings, and keeps one copy of keys that several of them have."""

    def __init__(self) -> None:
        self._places: dict[tuple[Any, ...], dict[Any, int]] = {}

    def numbers(self, values: Mapping[Key, float]) -> Numbers[Key]:
        """The same content."""
        return Numbers(self._keys(values), array("d", values.values()))

    def series(self, values: Mapping[str, Mapping[int, float]]) -> Series:
        """The same content, in ascending order."""
        metrics, steps = sorted(values), sorted({step for by_step in values.values() for step in by_step})
        found = array("d", [values[metric].get(step, _ABSENT) for metric in metrics for step in steps])
        return Series(self._keys(metrics), self._keys(steps), found)

    def _keys(self, keys: Iterable[Any]) -> dict[Any, int]:
        asked = tuple(keys)
        found = self._places.get(asked)
        if found is None:
            found = self._places[asked] = {key: place for place, key in enumerate(asked)}
        return found
