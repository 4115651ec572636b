"""`sweeper schema`: the JSON Schema of sweep files, for editors, and of what commands print, for programs."""

import json
from typing import Annotated

import typer

from sweeper.errors import RequestError


def schema(
    report: Annotated[bool, typer.Option("--report", help="Of what `sweeper report --format json` writes instead.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Of what `sweeper status --json` prints instead.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Of what `sweeper list --json` prints instead.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Of what `sweeper check --json` prints instead.")] = False,
) -> None:
    """Print the JSON Schema of sweep files; point your editor's YAML plugin at it."""
    from sweeper.cli.check_json import check_schema
    from sweeper.cli.json_shape import list_schema, status_schema
    from sweeper.report.render.json_schema import report_schema
    from sweeper.spec.schema import sweep_schema

    others = ((report, report_schema), (status, status_schema), (listed, list_schema), (check, check_schema))
    asked = [make for wanted, make in others if wanted]
    if len(asked) > 1:
        raise RequestError("--report, --status, --list and --check are schemas of different things; give one of them")
    print(json.dumps((asked or [sweep_schema])[0](), indent=2))
