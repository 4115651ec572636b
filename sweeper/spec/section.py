"""The base of every part of a sweep file, and what may be a name."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.+=-]*$"
Name = Annotated[str, Field(pattern=NAME, max_length=80)]
"""Names go into folder names, tables and MLflow: letters, digits and _ . + = - only."""


class Spec(BaseModel):
    """Base of the parts of a sweep file: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
