"""`sweeper schema`: the JSON Schema of sweep files, for editors, and of reports, for programs."""

import json
from typing import Annotated

import typer


def schema(
    report: Annotated[bool, typer.Option("--report", help="Of what `sweeper report --format json` writes instead.")] = False,
) -> None:
    """Print the JSON Schema of sweep files; point your editor's YAML plugin at it."""
    from sweeper.report.json_shape import report_schema
    from sweeper.spec.schema import sweep_schema

    print(json.dumps(report_schema() if report else sweep_schema(), indent=2))
