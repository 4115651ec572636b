"""What every design is, whatever its kind."""

from abc import ABC, abstractmethod

from sweeper.records import Variant
from sweeper.spec.section import Spec


class Design(Spec, ABC):
    """Which variants there are, in the order of the tables. Names are unique, and equal designs give equal variants."""

    @abstractmethod
    def size(self) -> int:
        """How many there are before any is dropped, counted without making one."""

    @abstractmethod
    def expand(self) -> tuple[Variant, ...]:
        """The variants, in order."""
