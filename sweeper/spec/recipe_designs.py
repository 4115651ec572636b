"""Designs that take a recipe apart, component by component."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from sweeper.records import Variant
from sweeper.spec.design import Design
from sweeper.spec.section import Name

MOST_COMPONENTS = 100
"""Of a recipe; names of its variants may list them all."""


class Recipe(Design, ABC):
    """Base of the designs over components of a recipe; each is a factor with the levels `without` (the base) and `with`."""

    components: dict[Name, Annotated[dict[str, Any], Field(min_length=1)]] = Field(min_length=1, max_length=MOST_COMPONENTS)
    """Component name -> {dotted path: value} that it adds to the base."""

    @field_validator("components")
    @classmethod
    def _do_not_overlap(cls, components: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        owners: dict[str, str] = {}
        for name, fields in components.items():
            for path in fields:
                for other, owner in owners.items():
                    if owner != name and (f"{path}.").startswith(f"{other}.") | (f"{other}.").startswith(f"{path}."):
                        raise ValueError(
                            f"components {owner!r} and {name!r} both set {path}, so one cannot be taken out alone;"
                            " give the field to one of them, or list the recipes with kind: variants"
                        )
                owners[path] = name
        return components

    @abstractmethod
    def _recipes(self) -> Iterator[tuple[str, Sequence[str]]]:
        """Name of each variant and the components that it has."""

    def size(self) -> int:
        return len(self.components) + 1

    def expand(self) -> tuple[Variant, ...]:
        return tuple(
            Variant(
                name,
                {component: "with" if component in chosen else "without" for component in self.components},
                {path: value for component in chosen for path, value in self.components[component].items()},
            )
            for name, chosen in self._recipes()
        )


class LeaveOneOutDesign(Recipe):
    """The full recipe, `full`, and the recipe minus each component, `full-NAME`."""

    kind: Literal["leave_one_out"]

    def _recipes(self) -> Iterator[tuple[str, Sequence[str]]]:
        yield "full", list(self.components)
        for left in self.components:
            yield f"full-{left}", [name for name in self.components if name != left]


class AddOneInDesign(Recipe):
    """The base alone, `base`, and the base plus each component, `base+NAME`."""

    kind: Literal["add_one_in"]

    def _recipes(self) -> Iterator[tuple[str, Sequence[str]]]:
        yield "base", []
        for added in self.components:
            yield f"base+{added}", [added]


class PathDesign(Recipe):
    """From `base` to the full recipe in the order of the components: `base`, `base+A`, `base+A+B`, ..."""

    kind: Literal["path"]

    def _recipes(self) -> Iterator[tuple[str, Sequence[str]]]:
        names = list(self.components)
        for taken in range(len(names) + 1):
            yield "+".join(["base", *names[:taken]]), names[:taken]
