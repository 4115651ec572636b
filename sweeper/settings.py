"""Where things are kept: the `SWEEPER_*` environment variables."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


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
    store_patience: float = Field(default=120.0, ge=0)
    """SWEEPER_STORE_PATIENCE: seconds for which a run waits for a store that does not answer before it pauses."""

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
