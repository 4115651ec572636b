"""Where things are kept: the `SWEEPER_*` environment variables."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

SHORTEST_SECRET = 4
"""Characters: masking a shorter one would eat words."""
OPEN_OPTIONS = frozenset({"host", "port", "dbname", "user", "sslmode", "connect_timeout", "application_name", "mode"})
"""Options of a URL that may be seen; any other may be a token."""


class Settings(BaseSettings):
    """Read once per command; every path is absolute, since Ray changes a trial's working directory."""

    model_config = SettingsConfigDict(env_prefix="SWEEPER_", env_ignore_empty=True, frozen=True)

    home: Path = Path(".sweeper")
    """SWEEPER_HOME: everything lives under it."""
    database_url: SecretStr | None = Field(default=None)
    """SWEEPER_DATABASE_URL: any SQLAlchemy URL; default is `sweeper.db` under home."""
    mlflow_uri: SecretStr | None = Field(default=None)
    """SWEEPER_MLFLOW_URI: an MLflow server; default is `mlflow.db` under home."""

    lease_seconds: float = Field(default=120.0, ge=1)
    """SWEEPER_LEASE_SECONDS: an attempt not heard of for so long may be taken over by another driver; a healthy one reports every few."""
    silence_seconds: float = Field(default=1800.0, ge=1)
    """SWEEPER_SILENCE_SECONDS: a worker that fell silent for so long hangs, and is killed. (Compiling a model is silent, too.)"""
    store_patience: float = Field(default=120.0, ge=0)
    """SWEEPER_STORE_PATIENCE: seconds for which a run waits for a store that does not answer before it pauses."""

    mlflow_pages: bool = True
    """SWEEPER_MLFLOW_PAGES: whether a run, and `sweeper mlflow sync`, puts a sweep's page, plots and samples on its MLflow run."""

    @property
    def root(self) -> Path:
        """Home, absolute."""
        return self.home.expanduser().absolute()

    @property
    def trials(self) -> Path:
        """One folder per trial, named by its training fingerprint."""
        return self.root / "trials"

    @property
    def artifacts(self) -> Path:
        """What trials share (classifiers, reference statistics) and MLflow's artifacts."""
        return self.root / "artifacts"

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store; may hold a password, so it is never printed."""
        return self.database_url.get_secret_value() if self.database_url else f"sqlite:///{self.root / 'sweeper.db'}"

    @property
    def tracking_uri(self) -> str:
        """MLflow tracking URI; may hold a password, so it is never printed."""
        return self.mlflow_uri.get_secret_value() if self.mlflow_uri else f"sqlite:///{self.root / 'mlflow.db'}"

    def concealed(self, text: str) -> str:
        """The text with the passwords and tokens of the two URLs masked: for whatever is printed or logged of an error of others."""
        for url in filter(None, (self.database_url, self.mlflow_uri)):
            text = without_secrets_of(url.get_secret_value(), text)
        return text


def without_secrets_of(url: str, text: str) -> str:
    """The text with the password and the tokens of this URL masked."""
    for secret in sorted({secret for secret in _secrets(url) if len(secret) >= SHORTEST_SECRET}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _secrets(url: str) -> Iterator[str]:
    """What of a URL is nobody's business, as it is written and as it is meant."""
    try:
        parts = urlsplit(url)
    except ValueError:  # it may be anywhere
        yield url
        yield from url.replace("@", ":").split(":")
        return
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    written = [password or (user if parts.scheme.startswith("http") else "")]  # a server's token may stand for the user
    for option in parts.query.split("&"):
        name, _, value = option.partition("=")
        written += [] if name in OPEN_OPTIONS else [value]
    for secret in written:
        yield from (secret, unquote(secret))
    yield from (value for name, value in parse_qsl(parts.query) if name not in OPEN_OPTIONS)
