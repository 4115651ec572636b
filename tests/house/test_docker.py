"""The container files, as far as they can be checked without a Docker engine: linted, valid by their schema, and naming what exists."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeper.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILES = ("docker/Dockerfile", "docker/mlflow.Dockerfile")


def run_tool(name: str, *arguments: str) -> str:
    """Output of a tool that the `dev` extra puts beside the interpreter; fails when the tool does."""
    tool = Path(sys.executable).with_name(name)
    assert tool.exists(), f"{name} is not beside the interpreter; install the dev extra: pip install -e '.[dev]' -c constraints.txt"
    result = subprocess.run([tool, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    return output


def read_compose() -> dict[str, Any]:
    parsed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(parsed, dict)
    return parsed


def test_every_dockerfile_is_known() -> None:
    assert sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docker/*Dockerfile*")) == sorted(DOCKERFILES)


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_hadolint_finds_nothing(dockerfile: str) -> None:
    assert run_tool("hadolint", "--no-color", dockerfile) == ""


def test_compose_file_follows_the_schema() -> None:
    run_tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_what_a_dockerfile_copies_reaches_the_build(dockerfile: str) -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / dockerfile).read_text(), flags=re.MULTILINE)
    sources = {source for line in copies for source in line.split()}
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert sources <= allowed, ".dockerignore keeps these from the build"


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_images_are_pinned_and_run_without_root(dockerfile: str) -> None:
    text = (ROOT / dockerfile).read_text()
    tags = re.findall(r"python:(\S+)", text)
    assert tags
    assert all(re.fullmatch(r"3\.11\.\d+-slim-\w+", tag) for tag in tags), tags
    users = re.findall(r"^USER (\S+)$", text, flags=re.MULTILINE)
    assert users
    assert all(re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) for user in users), users


def test_compose_mounts_and_builds_from_files_that_exist() -> None:
    services = read_compose()["services"]
    mounts = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])]
    files = [mount for mount in mounts if mount.startswith(".")]
    files += [service["build"]["dockerfile"] for service in services.values() if "build" in service]
    assert files
    assert [file for file in files if not (ROOT / file).exists()] == []
    assert {mount for mount in mounts if not mount.startswith(".")} == set(read_compose()["volumes"])


def test_the_password_is_asked_for_and_stands_in_no_url() -> None:
    services = read_compose()["services"]
    for name in ("postgres", "mlflow", "sweeper"):
        values = services[name]["environment"]
        with_password = [key for key, value in values.items() if "POSTGRES_PASSWORD" in str(value)]
        assert with_password == ["POSTGRES_PASSWORD" if name == "postgres" else "PGPASSWORD"]
        assert values[with_password[0]].startswith("${POSTGRES_PASSWORD:?set it"), "compose must stop with a message when it is not set"


def test_mlflow_is_reachable_from_this_machine_and_from_the_sweeper_only() -> None:
    mlflow = read_compose()["services"]["mlflow"]
    assert [port.split(":")[0] for port in mlflow["ports"]] == ["127.0.0.1"]
    host = read_compose()["services"]["sweeper"]["environment"]["SWEEPER_MLFLOW_URI"].removeprefix("http://")
    assert host in mlflow["environment"]["MLFLOW_SERVER_ALLOWED_HOSTS"].split(","), "MLflow would answer 403 to the sweeper"
    assert "*" not in mlflow["environment"]["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")


def test_the_databases_are_those_the_init_script_makes() -> None:
    services = read_compose()["services"]
    made = re.findall(r"^CREATE DATABASE (\w+);$", (ROOT / "docker/databases.sql").read_text(), flags=re.MULTILINE)
    values = [value for service in services.values() for value in service.get("environment", {}).values()]
    urls = [value for value in values if str(value).startswith("postgresql")]
    assert len(urls) == 2
    assert all(url.startswith("postgresql+psycopg://sweeper@postgres:5432/") for url in urls), urls
    assert {url.rsplit("/", 1)[1] for url in urls} == {services["postgres"]["environment"]["POSTGRES_DB"], *made}


def test_sweeper_variables_are_settings() -> None:
    known = {f"SWEEPER_{name.upper()}" for name in Settings.model_fields}
    used = {key for key in read_compose()["services"]["sweeper"]["environment"] if key.startswith("SWEEPER_")}
    used |= set(re.findall(r"\bSWEEPER_\w+(?==)", (ROOT / "docker/Dockerfile").read_text()))
    assert used == known
