from dataclasses import replace

import pytest

from curation.annotation.judge import Reply
from curation.annotation.judging import Judging
from curation.annotation.reading import Asker, Reading
from curation.annotation.trust import trust

from .toys import PROMPT, ToyJudge, item

GOOD, BAD = Reply("Final score: 3"), Reply("I cannot\nrate " + "this " * 100)
FAILED = Reply(None, "request_failed: 500")


def told(judge, replies, judging=None, prompt=PROMPT):
    """What is said after each of these replies."""
    said = []
    for number, reply in enumerate(replies):
        reading = Reading(Asker(judge, "mine", prompt, reminders=0), item(number), "x")
        reading.take(reply)
        said.append(trust(reading, judging or Judging(stop_after=10)))
    return said


def test_the_first_replies_speak_for_all():
    said = told(ToyJudge(), [GOOD] * 4 + [BAD] * 6)
    assert said[:-1] == [None] * 9
    assert said[-1].startswith("6 of the first 10 replies gave no label, more than stop_unreadable 0.5 (last: unreadab")
    assert "'I cannot rate this" in said[-1] and "\n" not in said[-1] and len(said[-1]) < 500
    assert set(told(ToyJudge(), [GOOD] * 5 + [BAD] * 5)) == {None}
    assert set(told(ToyJudge(), [GOOD] * 10 + [BAD] * 90)) == {None}  # a judge that was good is not stopped later


def test_after_a_stop_it_begins_anew():
    assert [bool(one) for one in told(ToyJudge(), [BAD] * 25)] == [number in (9, 19) for number in range(25)]


def test_judges_prompts_and_settings_are_counted_apart():
    judge = ToyJudge()
    for prompt in (PROMPT, replace(PROMPT, text="Judge {text}")):
        assert set(told(judge, [BAD] * 9, prompt=prompt)) == {None}
    assert set(told(judge, [BAD] * 4, Judging(stop_after=5))) == {None}
    assert set(told(ToyJudge(), [BAD] * 9)) == {None}
    assert told(judge, [BAD])[0] is not None


@pytest.mark.parametrize(("answered", "allowed"), [(0, 10), (500, 15), (10_000, 111)])
def test_single_failures_are_borne_many_are_not(answered, allowed):
    judging = Judging(stop_after=1, stop_unreadable=1)
    said = told(ToyJudge(), [GOOD] * answered + [FAILED] * 150, judging)
    first = next(number for number, one in enumerate(said) if one)
    assert first == answered + allowed
    assert said[first].startswith("the judge failed (request_failed: 500")


def test_documents_without_a_recorded_reply_say_nothing():
    assert set(told(ToyJudge(), [Reply(None, "no_recorded_reply")] * 50)) == {None}
