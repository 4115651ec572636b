"""`sweeper schema`: the JSON Schema of sweep files, for editors."""

import json

from sweeper.spec.schema import sweep_schema


def schema() -> None:
    """Print the JSON Schema of sweep files; point your editor's YAML plugin at it."""
    print(json.dumps(sweep_schema(), indent=2))
