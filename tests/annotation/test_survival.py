"""Server and client are killed while documents are annotated; a larger one is tests/bench/bench_judge_faults.py."""

from collections import Counter
from pathlib import Path

import pytest
from annotation.survival import (
    ISSUE_FAULTS,
    Event,
    Kill,
    Outcome,
    Plan,
    Recorded,
    asked_again,
    paid_twice,
    problems,
    survive,
    write_documents,
)

OPTIONS = ("--reminders", "3", "--workers", "1")


def test_killed_again_and_again_nothing_is_lost_and_nothing_paid_for_twice(tmp_path):
    source = tmp_path / "documents.parquet"
    ids = write_documents(source, 400, characters=1000)
    settings = {"documents": len(ids), "concurrency": 32, "delay": 0.02, "options": OPTIONS, "timeout": 120}
    plan = Plan(client_kills=2, server_kills=1, down_seconds=0.3)
    killed = survive(tmp_path / "killed", source, plan=plan, faults=ISSUE_FAULTS, **settings)
    calm = survive(tmp_path / "calm", source, plan=Plan(), **settings)
    assert problems(killed, calm, ids) == []
    assert Counter(kill.whom for kill in killed.kills) == {"client": 2, "server": 1}
    assert killed.count("429") and killed.count("unscored") and killed.count("broken")
    assert max(killed.most_working, calm.most_working) <= 32


def outcome(events, recorded=(), whom="client", at=2):
    """Of so many events as ``ask a`` or ``success a``, with one kill in between."""
    log = [Event(float(row), *line.split()[:1], 1, line.split()[1]) for row, line in enumerate(events)]
    held = Recorded(frozenset(recorded), Counter(recorded))
    kill = Kill(whom=whom, seen=at, in_flight=0, recorded=held, unrecorded=0)
    return Outcome(output=Path(), events=log, kills=[kill], most_working=1)


@pytest.mark.parametrize(
    ("events", "recorded", "again", "twice"),
    [
        (["ask a", "success a", "ask b", "success b"], ["a"], [], {}),
        (["ask a", "success a", "ask a", "success a"], [], [], {"client": 1}),
        (["ask a", "success a", "ask a", "success a"], ["a"], [(0, "a", 1)], {"client": 1}),
        (["ask a", "ask b", "success a", "ask a", "success a"], [], [], {"nobody": 1}),
        (["ask a", "unscored a", "ask a", "success a"], [], [], {}),
    ],
)
def test_what_is_wasted_is_seen(events, recorded, again, twice):
    seen = outcome(events, recorded)
    assert asked_again(seen) == again
    assert paid_twice(seen) == twice
