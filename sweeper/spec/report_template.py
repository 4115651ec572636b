"""The `report:` section of a sweep file: how its table is laid out. It changes no result, and no trial's name."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from sweeper.errors import nearest
from sweeper.spec.factors import as_text, written_as
from sweeper.spec.section import LONGEST_NAME, metrics_in, twice

Layout = Literal["variants", "factorial", "effects", "claims"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
STEP = "step"
"""What stands among `columns` for the training steps at which variants were evaluated."""


class ReportTemplate(BaseModel):
    """What a table shows, in which order, under which names. Everything left out has a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    layout: Layout = "variants"
    """`variants`: a row each, then the contrasts | `factorial`: factors as rows, training steps as columns | `effects`: of every factor
    | `claims`: the contrasts with their verdicts, without the variants."""
    rows: tuple[str, ...] = ()
    """factorial: factors whose levels name the rows; default: those that are not columns."""
    columns: tuple[str, ...] = (STEP,)
    """factorial: factors whose levels are columns, and `step`."""
    metrics: tuple[str, ...] = ()
    """Shown behind the primary one, in this order; default: all that were measured."""
    steps: tuple[Annotated[int, Field(ge=1, lt=2**31)], ...] = ()
    """factorial: shown as columns; default: every step at which trials were evaluated."""
    order: tuple[str, ...] = ()
    """Variants that come first, in this order; the others follow in the order of the design."""
    group: str | None = None
    """Factor by whose levels the rows stand together."""
    names: dict[str, str] = {}
    """Variant, factor, level or metric -> what is printed for it."""
    published: tuple[Annotated[str, Field(max_length=LONGEST_NAME)], ...] = ()
    """Published sets whose rows stand below the sweep's own, each under its protocol; `sweeper report --published NAME` has all of one.
    Or names of weights that `sweeper evaluate` measured. No part of the sweep's version."""

    @field_validator("order", mode="before")
    @classmethod
    def _order_is_text(cls, given: Any) -> Any:
        return list(map(as_text, given)) if isinstance(given, list | tuple) else given

    @field_validator("names", mode="before")
    @classmethod
    def _names_are_text(cls, given: Any) -> Any:
        return {as_text(name): shown for name, shown in given.items()} if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _known(self, info: ValidationInfo) -> "ReportTemplate":
        known = metrics_in(info)
        for name in self.metrics:
            if name not in known:
                raise ValueError(f"metrics: there is no metric {name!r}{nearest(name, known.names)}")
        if repeated := twice(self.published):
            raise ValueError(f"published: {repeated[0]!r} appears twice; a set is shown once")
        both = [name for name in self.rows if name in self.columns]
        if both:
            raise ValueError(f"{both[0]!r} stands in rows and in columns; keep one of them")
        return self

    @property
    def names_version(self) -> bool:
        """Whether it asks for more than published rows."""
        return not self.published or self.model_copy(update={"published": ()}) != ReportTemplate()

    def fitted(self, variants: Sequence[str], levels: Mapping[str, Sequence[str]]) -> "ReportTemplate":
        """The same, with variants and levels as the design writes them. `levels`: by factor. ValueError naming what it does not have."""
        for name in self.order:
            if written_as(name, variants) is None:
                raise ValueError(f"report.order: there is no variant {name!r}{nearest(name, variants)}")
        used = (("rows", self.rows), ("columns", self.columns), ("group", () if self.group is None else (self.group,)))
        for field, names in used:
            for name in names:
                if name not in levels and not (field == "columns" and name == STEP):
                    raise ValueError(f"report.{field}: {name!r} is no factor of the design{nearest(name, [*levels, STEP])}")
        known = dict.fromkeys((*variants, *(level for some in levels.values() for level in some)))
        changed = {
            "order": tuple(written_as(name, variants) or name for name in self.order),
            "names": {written_as(name, known) or name: shown for name, shown in self.names.items()},
        }
        return self if changed == {"order": self.order, "names": self.names} else self.model_copy(update=changed)
