"""Which signals stop a run."""

import signal
from collections.abc import Iterator

import pytest
from queue_of import Desk

from sweeper.service.run_sweep import _stopping_on_signals

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    assert {number: signal.getsignal(number) for number in NUMBERS} == before


@pytest.mark.parametrize("number", NUMBERS)
def test_each_asks_trials_to_checkpoint_and_the_second_interrupt_ends_at_once(desk: Desk, number: signal.Signals) -> None:
    driver, before = desk.driver(), signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with _stopping_on_signals(driver):
        signal.raise_signal(number)
        assert driver.stopped
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGHUP, before)


def test_under_nohup_a_closed_terminal_stops_nothing(desk: Desk) -> None:
    driver, before = desk.driver(), signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with _stopping_on_signals(driver):
        signal.raise_signal(signal.SIGHUP)
    signal.signal(signal.SIGHUP, before)
    assert not driver.stopped
