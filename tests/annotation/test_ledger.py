import json

import pytest

from curation.annotation import ledger as ledger_module
from curation.annotation.judge import Reply
from curation.annotation.judging import Judging, Price
from curation.annotation.ledger import Ledger, Spent, read_spent
from curation.folder import Folder

REPLY = Reply("Final score: 3", None, 700, 50)


@pytest.fixture(params=["local", "memory"])
def folder(request, tmp_path):
    one = Folder(str(tmp_path / "out") if request.param == "local" else f"memory://{tmp_path.name}/out")
    yield one
    one.remove()


@pytest.fixture
def now(monkeypatch):
    time = [1000.0]
    monkeypatch.setattr(ledger_module.time, "monotonic", lambda: time[0])
    return time


def spend(ledger, requests, reply=REPLY):
    ledger.start()
    for _ in range(requests):
        ledger.add(reply)


def test_requests_and_tokens_are_counted_over_all_starts(folder, now):
    for start in (1, 2, 3):
        ledger = Ledger(folder, Judging())
        spend(ledger, 10)
        now[0] += 60
        ledger.close()
        assert read_spent(folder) == Spent(10 * start, 7000 * start, 500 * start, 60.0 * start)
    assert Ledger(folder, Judging()).total() == Spent(30, 21000, 1500, 180.0)


def test_replies_without_text_or_counts_are_requests(folder):
    ledger = Ledger(folder, Judging())
    spend(ledger, 1, Reply(None, "empty_reply", 700, 400))
    spend(ledger, 1, Reply(None, "request_rejected: 400"))
    assert (ledger.own().requests, ledger.own().prompt_tokens, ledger.own().completion_tokens) == (2, 700, 400)


def test_two_tasks_share_a_budget_through_files(folder, now):
    judging = Judging(max_requests=100)
    one, two = Ledger(folder, judging), Ledger(folder, judging)
    spend(one, 60)
    assert one.stop_reason(0) is None and two.stop_reason(0) is None
    now[0] += 6
    spend(one, 1)  # which tells
    spend(two, 38)
    now[0] += 6
    assert two.stop_reason(0) is None
    spend(two, 1)  # which tells, and sees
    assert two.stop_reason(0) == "max_requests: 100 of 100 requests have been made"
    assert one.stop_reason(0) is None  # until it looks again
    one.sync()
    assert one.stop_reason(0) is not None
    assert Ledger(folder, judging).stop_reason(0) is not None


def test_what_is_under_way_counts(folder):
    ledger = Ledger(folder, Judging(max_requests=10))
    assert ledger.stop_reason(9) is None and ledger.stop_reason(10) is not None
    spend(ledger, 5)
    assert ledger.stop_reason(4) is None
    assert ledger.stop_reason(5) == "max_requests: 10 of 10 requests have been made"


def test_cost_by_tokens(folder):
    price = Price(per_million_prompt_tokens=1.0, per_million_completion_tokens=10.0)
    ledger = Ledger(folder, Judging(price=price, max_cost=0.12))
    spend(ledger, 50)
    assert ledger.cost() == pytest.approx(50 * (700 + 500) / 1e6)
    assert ledger.stop_reason(49) is None
    assert ledger.stop_reason(50) == "max_cost: 0.12 of 0.12 are spent"


def test_cost_by_the_hour_of_all_gpus(now):
    for price, gpus, hourly in ((Price(per_gpu_hour=2.5), 4, 10.0), (Price(per_gpu_hour=2.5, gpus=2), 4, 5.0)):
        ledger = Ledger(None, Judging(price=price, max_cost=2 * hourly), gpus)
        now[0] += 7200  # recorded replies are looked up: nothing is asked yet
        assert ledger.cost() == 0
        ledger.start()
        now[0] += 3600
        assert ledger.cost() == pytest.approx(hourly) and ledger.stop_reason(5) is None
        now[0] += 3600
        assert ledger.stop_reason(0) == f"max_cost: {2 * hourly:,.4g} of {2 * hourly:,.4g} are spent"


def test_known_folders_count_but_are_not_written_to(tmp_path):
    pilot, out = Folder(str(tmp_path / "pilot")), Folder(str(tmp_path / "out"))
    first = Ledger(pilot, Judging())
    spend(first, 20)
    first.close()
    ledger = Ledger(out, Judging(max_requests=30), known=[pilot])
    spend(ledger, 9)
    assert ledger.stop_reason(0) is None and ledger.total().requests == 29
    spend(ledger, 1)
    assert ledger.stop_reason(0) is not None
    ledger.close()
    assert (read_spent(pilot).requests, read_spent(out).requests) == (20, 10)


def test_without_limits_nobody_is_asked(folder, now):
    spend(Ledger(folder, Judging()), 3)
    ledger = Ledger(folder, Judging())
    folder.list_files = lambda *_: pytest.fail("listed")
    spend(ledger, 3)
    now[0] += 6
    spend(ledger, 3)
    assert ledger.stop_reason(10**9) is None
    ledger.close()


def test_closed_ledgers_are_read_once(folder, monkeypatch):
    for _ in range(5):
        one = Ledger(folder, Judging())
        spend(one, 2)
        one.close()
    open_one = Ledger(folder, Judging())
    spend(open_one, 1)
    open_one.sync()
    reads = []
    read_json = Folder.read_json
    monkeypatch.setattr(Folder, "read_json", lambda self, name: (reads.append(name), read_json(self, name))[1])
    again = Ledger(folder, Judging(max_requests=100))
    assert again.total().requests == 11 and len(reads) == 6
    spend(again, 1)
    spend(open_one, 4)
    open_one.sync()
    again.sync()
    assert again.total().requests == 16 and len(reads) == 7


def test_the_clock_stops_when_it_is_closed(folder, now):
    ledger = Ledger(folder, Judging())
    spend(ledger, 1)
    now[0] += 10
    ledger.close()
    now[0] += 1000
    ledger.add(REPLY)  # late, see Annotator
    ledger.close()
    assert read_spent(folder) == Spent(2, 1400, 100, 10.0)


def test_who_asks_nothing_writes_nothing(folder):
    ledger = Ledger(folder, Judging(max_requests=5))
    assert ledger.stop_reason(0) is None
    ledger.close()
    Ledger(None, Judging()).close()
    assert folder.list_files("spent") == [] and read_spent(folder) == Spent()


def test_records_of_other_versions_are_read(tmp_path):
    (tmp_path / "spent").mkdir()
    (tmp_path / "spent" / "a.json").write_text(json.dumps({"requests": 3, "prompt_tokens": 4, "more": 1}))
    assert read_spent(Folder(str(tmp_path))) == Spent(3, 4, 0, 0)
