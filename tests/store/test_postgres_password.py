"""A PostgreSQL server that asks for a password, one that a URL must spell otherwise: it opens with it, and is not told to anyone."""

import pytest

from sweeper.errors import StoreError
from sweeper.records import PlannedTrial
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore
from tests.local_postgres import local_postgres

PASSWORD = "pass:w@rd/%25 ü?#"
SPELLED = "pass%3Aw%40rd%2F%2525%20%C3%BC%3F%23"


def test_the_password_opens_and_is_not_told(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    with local_postgres(PASSWORD) as server:
        assert SPELLED in server.url
        trial = PlannedTrial("one", {}, 0, "a-fingerprint", "an-evaluation", 1, {})
        with ResultsStore.open(server.url) as store:
            store.record_sweep(name="asked", profile="default", version="v1", spec={}, trials=[trial])
            assert [sweep.name for sweep in store.sweeps()] == ["asked"]
        wrong = server.url.replace(SPELLED, "another-word")
        with pytest.raises(StoreError) as refused:
            ResultsStore.open(wrong)
        with pytest.raises(StoreError) as unnamed:
            ResultsStore.open(server.url.replace(f":{SPELLED}", ""))
        server.stop()
        with pytest.raises(StoreError) as away:
            ResultsStore.open(server.url)
        shown = Settings(database_url=server.url).concealed(f"{server.url} and {PASSWORD}")
    assert "password authentication failed" in str(refused.value)
    assert "another-word" not in str(refused.value)
    assert "no password supplied" in str(unnamed.value)
    for told in (str(refused.value), str(unnamed.value), str(away.value), shown, *capfd.readouterr()):
        assert PASSWORD not in told
        assert SPELLED not in told
