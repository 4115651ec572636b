"""The JSON of a report against its own documented schema."""

import json
from pathlib import Path

import jsonschema
import pytest

from sweeper.report.render.json_schema import report_schema

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_every_golden_report_fits(path: Path) -> None:
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(path.read_text()), schema)


def test_a_key_that_is_not_documented_or_is_missing_does_not_fit() -> None:
    content = json.loads(GOLDEN[0].read_text())
    for changed in (content | {"more": 1}, {name: part for name, part in content.items() if name != "notes"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(changed, report_schema())
