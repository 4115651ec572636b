"""The pages of the reference that follow from the code: commands from Typer, fields from the JSON Schema. A hook of MkDocs."""

import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.main import get_command

from sweeper.spec.schema import sweep_schema
from sweeper.spec.schema_file import SCHEMA_FILE, schema_text

PYTHON = """# Python

```python
from sweeper import analyses, results

table = results("noise_aug_vs_interaction")
```

::: sweeper.results

::: sweeper.analyses
"""


PICTURES = Path("benchmarks/results")
"""Outside docs/, where the benchmarks write them."""


def on_page_markdown(markdown: str, **_: object) -> str:
    """Links to pictures outside docs/ become links to where `on_files` puts them."""
    return markdown.replace(f"](../{PICTURES}/", f"]({PICTURES}/")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages, the JSON Schema, and the pictures that lie outside docs/."""
    for picture in sorted((Path(config.docs_dir).parent / PICTURES).glob("*.svg")):
        files.append(File.generated(config, f"{PICTURES}/{picture.name}", abs_src_path=str(picture)))
    pages = {"commands": commands_page(), "fields": fields_page(), "python": PYTHON}
    for name, content in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    files.append(File.generated(config, f"reference/{SCHEMA_FILE}", content=schema_text()))
    return files


def commands_page() -> str:
    """Every command with its arguments and options."""
    return "# Commands\n\n" + "\n".join(_commands(get_command(importlib.import_module("sweeper.cli.app").app), "sweeper"))


def _commands(command: Any, name: str) -> Iterator[str]:
    if inner := getattr(command, "commands", None):
        for word in inner:
            if not inner[word].hidden:
                yield from _commands(inner[word], f"{name} {word}")
        return
    places = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden and p.name != "help"]
    usage = " ".join([name, *(_name(p) if p.required else f"[{_name(p)}]" for p in places)])
    yield f"## {name}\n\n```text\n{usage}{' [OPTIONS]' if options else ''}\n```\n\n{inspect.cleandoc(command.help or '')}\n"
    rows = [(f"`{_name(p)}`", p.help or "") for p in places]
    rows += [(", ".join(f"`{text}`" for text in (*p.opts, *p.secondary_opts)), p.help or "") for p in options]
    if rows:
        yield "| | |\n|---|---|"
        yield from (f"| {first} | {_cell(second)} |" for first, second in rows)
        yield ""


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.name).strip("[]").upper()


def fields_page() -> str:
    """Every section of a sweep file with its fields."""
    schema = sweep_schema()
    parts = ["# Fields of a sweep file", "", "From `sweeper schema`. A field without a default must be given.", "", "## Sweep", ""]
    parts += _fields(schema)
    definitions: Mapping[str, Any] = schema["$defs"]
    for name in sorted(definitions, key=str.lower):
        found = definitions[name]
        parts += [f"## {name}", "", _cell(found.get("description", "")), ""]
        parts += _fields(found) if found.get("properties") else [_type(found), ""]
    return "\n".join(parts)


def _fields(schema: Mapping[str, Any]) -> list[str]:
    needed = schema.get("required", ())
    rows = ["| field | type | default | |", "|---|---|---|---|"]
    for name, field in schema["properties"].items():
        default = "" if name in needed else f"`{field['default']}`" if "default" in field else ""
        rows.append(f"| `{name}` | {_type(field)} | {default} | {_cell(field.get('description', ''))} |")
    return [*rows, ""]


def _type(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf"):
        if key in field:
            return " or ".join(dict.fromkeys(_type(one) for one in field[key]))
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}" if isinstance(field.get("items"), dict) else "list"
    kinds = field.get("type", "any")
    bounds = [f"{words} {field[key]:g}" for key, words in _BOUNDS.items() if key in field]
    return ", ".join([kinds if isinstance(kinds, str) else " or ".join(kinds), *bounds])


_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}


def _cell(text: str) -> str:
    """One line for a table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()
