from concurrent.futures import ThreadPoolExecutor

import pytest

from curation.crawl.pace import RECOVERY_SECONDS, Pace


class Clock:
    """Time that passes while somebody waits."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def taken(pace, clock, seconds):
    """How many turns there are in so many seconds."""
    until, number = clock.now + seconds, 0
    while clock.now < until:
        pace.take()
        number += 1
    return number


def test_no_more_turns_than_the_rate_allows(clock):
    pace = Pace(10.0, sleep=clock.sleep, clock=clock)
    assert taken(pace, clock, 60) == pytest.approx(600, abs=2)


def test_time_that_was_not_used_is_not_saved_up(clock):
    pace = Pace(10.0, sleep=clock.sleep, clock=clock)
    clock.now += 3600
    assert taken(pace, clock, 1) <= 12


def test_many_threads_share_the_rate():
    pace = Pace(200.0)
    begun = pace._clock()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: pace.take(), range(100)))
    assert pace._clock() - begun > 0.4


def test_a_busy_server_halves_the_rate_once_for_all_that_was_under_way(clock):
    pace = Pace(40.0, sleep=clock.sleep, clock=clock)
    begun = clock.now
    clock.now += 0.5
    for _ in range(30):
        pace.slow_down(begun)
    assert pace.rate == 20
    clock.now += 0.1
    pace.slow_down(clock.now)
    assert pace.rate == pytest.approx(10, abs=0.1)


def test_nobody_asks_while_the_server_wants_rest(clock):
    pace = Pace(40.0, sleep=clock.sleep, clock=clock)
    pace.take()
    pace.slow_down(clock.now, seconds=7.0)
    assert pace.take() == pytest.approx(7.0)
    assert pace.rate == pytest.approx(20, abs=0.1)


def test_the_rate_grows_back_and_no_further(clock):
    pace = Pace(40.0, sleep=clock.sleep, clock=clock)
    pace.slow_down(clock.now)
    taken(pace, clock, RECOVERY_SECONDS / 4)
    assert pace.rate == pytest.approx(30, rel=0.05)
    taken(pace, clock, RECOVERY_SECONDS)
    assert pace.rate == 40


def test_the_rate_never_ends(clock):
    pace = Pace(40.0, sleep=clock.sleep, clock=clock)
    for _ in range(50):
        pace.slow_down(clock.now)
    assert pace.rate > 0.5


def test_a_rate_of_nothing_is_refused():
    with pytest.raises(ValueError, match="more than 0, got 0"):
        Pace(0)
