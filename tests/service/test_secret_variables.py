"""Which variables look like secrets, and that they are back afterwards."""

import os

import pytest

from sweeper.secret_variables import DOWNLOADS, is_secret, secrets_kept

SECRETS = [
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
    *(
        "WANDB_API_KEY",
        "OPENAI_API_KEY",
        "GITHUB_TOKEN",
        "GH_PAT",
        "MLFLOW_TRACKING_PASSWORD",
        "PGPASSWORD",
        "MYSQL_PWD",
        "SLACK_WEBHOOK_URL",
    ),
    *("GOOGLE_APPLICATION_CREDENTIALS", "AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_KEY", "SWEEPER_DATABASE_URL", "SENTRY_DSN"),
    *("sweeper_mlflow_uri", "MLFLOW_TRACKING_URI", "SSH_PRIVATE_KEY", "passphrase", "SESSION_COOKIE"),
]
OTHERS = [
    *("PATH", "HOME", "PWD", "OLDPWD", "LANG", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "TOKENIZERS_PARALLELISM", "LD_LIBRARY_PATH"),
    *("PYTHONPATH", "SWEEPER_HOME", "TMPDIR", "NCCL_SOCKET_IFNAME", "TORCHINDUCTOR_CACHE_DIR", "XAUTHORITY", "HF_HOME", "SLURM_JOB_ID"),
    *("KEYBOARD", "MONKEY", "PATIENCE", "AUTHOR", "AWS_REGION", "COMPASS"),
]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_by_its_name(name: str) -> None:
    assert is_secret(name, "anything")
    assert not is_secret(name, "")


@pytest.mark.parametrize("name", OTHERS)
def test_what_workers_may_see(name: str) -> None:
    assert not is_secret(name, "/a/value:of some kind")


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("http://ann:pw@proxy:3128", True),
        ("https://token@index.example", True),
        ("redis://:pw@host/0", True),
        ("http://proxy:3128", False),
        ("http://host/path@2x.png", False),
        ("mail ann@example.org", False),
    ],
)
def test_a_secret_by_its_value(value: str, secret: bool) -> None:
    assert is_secret("ANY", value) is secret


def test_inside_they_are_gone_but_for_what_is_needed_and_afterwards_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "HF_TOKEN", "RAY_AUTH_TOKEN"):
        monkeypatch.setenv(name, "secret")
    before = dict(os.environ)

    def left() -> set[str]:
        return {"AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "HF_TOKEN", "RAY_AUTH_TOKEN"} & os.environ.keys()

    with secrets_kept():
        assert left() == {"RAY_AUTH_TOKEN"}
    with pytest.raises(KeyboardInterrupt):
        _interrupted(left)
    assert dict(os.environ) == before


def _interrupted(left: object) -> None:
    with secrets_kept(needed=DOWNLOADS, but=("RAY_", "PG")):
        assert callable(left)
        assert left() == {"RAY_AUTH_TOKEN", "PGPASSWORD", "HF_TOKEN"}
        raise KeyboardInterrupt
