"""Empty databases of every kind that the store promises to work on.

PostgreSQL: the server at SWEEPER_TEST_POSTGRES_URL (its user may create databases), else a throw-away cluster from a local server binary.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sweeper.records import PlannedTrial
from sweeper.store.results_store import ResultsStore
from tests.local_postgres import local_postgres

MakeTrials = Callable[..., list[PlannedTrial]]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server's maintenance database."""
    if given := os.environ.get("SWEEPER_TEST_POSTGRES_URL"):
        yield given
        return
    with local_postgres() as server:
        yield server.url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty PostgreSQL database, dropped afterwards."""
    name = f"sweeper_test_{secrets.token_hex(6)}"
    server = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield sa.make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'home' / 'sweeper.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind in turn."""
    found: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return found


@pytest.fixture
def store(url: str) -> Iterator[ResultsStore]:
    with ResultsStore.open(url) as opened:
        yield opened


@pytest.fixture
def trials() -> MakeTrials:
    """Makes planned trials: one per seed of each variant."""

    def make(
        variants: tuple[str, ...] = ("single", "dual"), seeds: tuple[int, ...] = (0, 1), steps: int = 10, evaluation: str = "eval"
    ) -> list[PlannedTrial]:
        return [
            PlannedTrial(
                variant=variant,
                levels={"timesteps": variant},
                seed=seed,
                fingerprint=f"{variant}-{seed}-fingerprint",
                evaluation_fingerprint=evaluation,
                steps=steps,
                config={"seed": seed, "timesteps": {"kind": variant}},
            )
            for seed in seeds
            for variant in variants
        ]

    return make
