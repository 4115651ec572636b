"""Where the copies of searches lie that Optuna's own tools read."""

import shlex
from urllib.parse import quote

from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore

SCHEMA = "optuna"
"""Of PostgreSQL, beside the store's own."""


def optuna_url(settings: Settings, store: ResultsStore | None = None) -> str:
    """SQLAlchemy URL of Optuna's storage: `optuna.db` under SWEEPER_HOME, or a schema of its own where the store is on PostgreSQL, which
    `store` makes. It may hold a password.
    """
    if not settings.store_url.startswith("postgresql"):
        return f"sqlite:///{settings.root / 'optuna.db'}"
    if store is not None:
        store.ensure_schema(SCHEMA)
    url = settings.store_url
    return f"{url}{'&' if '?' in url else '?'}options={quote(f'-csearch_path={SCHEMA}')}"


def study_name(name: str, profile: str, version: str) -> str:
    """What Optuna calls the study of a version of a sweep."""
    return f"{name}/{profile}/{version}"


def dashboard_command(settings: Settings) -> str | None:
    """What shows the copies in a browser, without a password; None where there is surely no copy yet."""
    url = optuna_url(settings)
    if url.startswith("sqlite") and not (settings.root / "optuna.db").exists():
        return None
    return f"optuna-dashboard {shlex.quote(settings.concealed(url))}"
