"""The spec that a stored version of a sweep was run by."""

from pydantic import ValidationError

from sweeper.errors import RequestError
from sweeper.records import SweepSnapshot
from sweeper.spec.sweep_spec import SweepSpec


def stored_spec(snapshot: SweepSnapshot) -> SweepSpec:
    """Raises RequestError for one of another release that this one does not read."""
    try:
        return SweepSpec.read(snapshot.spec)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise RequestError(
            f"the stored spec of sweep {snapshot.name}, version {snapshot.version}, is not one that this release reads "
            f"({place}: {error.errors()[0]['msg']}); run the sweep again to store its spec again, finished trials are reused"
        ) from error
