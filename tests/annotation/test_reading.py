from dataclasses import replace
from itertools import pairwise

import pytest

from curation.annotation.judge import Reply
from curation.annotation.reading import Asker, Item, Reading, annotation_of

from .toys import PROMPT, ToyJudge, item, shown_in

LONG = " ".join(f"word{n}" for n in range(200))
TOO_LONG = Reply(None, "too_long: 400 maximum context length")


def reading(shown="some text", seed=None, one=None, **asker):
    settings = {"judge": ToyJudge(), "identity": "mine", "prompt": PROMPT, "reminders": 1, **asker}
    return Reading(Asker(**settings), one or item(1, shown), shown, seed)


def answered(one, *replies):
    """The requests that were made until ``replies`` settled the reading."""
    asked = []
    for reply in replies:
        asked.append(one.request())
        one.take(Reply(reply, None, 10, 3) if isinstance(reply, str) else reply)
    assert one.is_settled
    return asked


def test_a_readable_reply_is_the_end():
    one = reading()
    (request,) = answered(one, "Good.\nFinal score: 4")
    assert (one.label, one.reason, one.reply, one.first_reply) == (4, None, "Good.\nFinal score: 4", None)
    assert (one.requests, one.prompt_tokens, one.completion_tokens) == (1, 10, 3)
    assert request.messages == tuple(PROMPT.messages("some text"))
    assert (request.document_id, request.url, request.seed) == ("id-1", None, None)


def test_a_reminder_goes_on_with_the_conversation():
    one = reading()
    first, second = answered(one, "Somewhere around 3.", "Final score: 3")
    assert [message["role"] for message in second.messages] == ["user", "assistant", "user"]
    assert second.messages[0] == first.messages[0]
    assert second.messages[1]["content"] == "Somewhere around 3."
    assert 'no line "Final score: N"' in second.messages[2]["content"]
    assert "from 0 to 5" in second.messages[2]["content"]
    assert (one.label, one.first_reply, one.reply) == (3, "Somewhere around 3.", "Final score: 3")
    assert (one.requests, one.prompt_tokens, one.completion_tokens) == (2, 20, 6)


@pytest.mark.parametrize("reminders", [0, 1, 3])
def test_after_so_many_reminders_there_is_no_label(reminders):
    one = reading(reminders=reminders)
    asked = answered(one, *[f"Final score: {7 + n}" for n in range(reminders + 1)])
    assert [len(request.messages) for request in asked] == [1 + 2 * n for n in range(reminders + 1)]
    assert one.label is None and one.reason.startswith("unreadable: ")
    assert one.reply == f"Final score: {7 + reminders}"
    assert one.first_reply == ("Final score: 7" if reminders else None)


def test_a_system_message_stays_first():
    asked = answered(reading(prompt=replace(PROMPT, generation={"system": "Be strict."})), "Hm.", "Final score: 1")
    assert [message["role"] for message in asked[1].messages] == ["system", "user", "assistant", "user"]


def test_a_document_that_is_too_long_is_shown_shorter_until_it_fits():
    one = reading(LONG)
    asked = answered(one, TOO_LONG, TOO_LONG, "Final score: 2")
    sizes = [len(shown_in(request)) for request in asked]
    assert sizes[0] == len(LONG) and all(0.7 * a < b <= 0.75 * a for a, b in pairwise(sizes))
    assert one.label == 2 and one.shown == shown_in(asked[-1]) and LONG.startswith(one.shown)
    assert one.requests == 3 and one.prompt_tokens == 10


def test_a_document_that_never_fits_has_no_label():
    one, asked = reading(LONG), 0
    while not one.is_settled:
        one.take(TOO_LONG)
        asked += 1
    assert (one.label, one.reason, one.reply) == (None, TOO_LONG.reason, None)
    assert asked < 10 and len(one.shown) <= 200


def test_a_reminder_that_does_not_fit_is_made_to_fit():
    one = reading(LONG)
    asked = answered(one, "Hm.", TOO_LONG, "Final score: 5")
    assert [message["role"] for message in asked[2].messages] == ["user", "assistant", "user"]
    assert len(shown_in(asked[2])) < len(shown_in(asked[1])) == len(LONG)
    assert (one.label, one.first_reply, one.shown) == (5, "Hm.", shown_in(asked[2]))


def test_what_is_not_answered_has_its_reason():
    for reason in ("empty_reply", "request_rejected: 400", "no_recorded_reply", "request_failed: 500"):
        one = reading()
        answered(one, Reply(None, reason, 9, 4))
        assert (one.label, one.reason, one.reply, one.requests) == (None, reason, None, 1)
        assert (one.prompt_tokens, one.completion_tokens) == (9, 4)


def test_tokens_that_the_server_does_not_count_are_not_known():
    one = reading()
    answered(one, Reply("Hm."), Reply("Final score: 1"))
    assert (one.requests, one.prompt_tokens, one.completion_tokens) == (2, None, None)
    one = reading()
    answered(one, Reply("Hm.", prompt_tokens=5), Reply("Final score: 1"))
    assert (one.prompt_tokens, one.completion_tokens) == (5, None)


def test_the_key_depends_on_all_that_the_reply_depends_on():
    slots = Item(None, "id-1", None, "some text", {"language": "C"})
    different = [
        reading(),
        reading("other text"),
        reading(seed=0),
        reading(seed=1),
        reading(identity="other"),
        reading(prompt=replace(PROMPT, text="Judge {text}")),
        reading(prompt=replace(PROMPT, generation={"temperature": 1.0})),
        reading(one=item(2, "some text")),
        reading(one=slots),
    ]
    reminded = reading()
    reminded.take(Reply("Hm."))
    otherwise = reading()
    otherwise.take(Reply("Well."))
    keys = [one.key for one in [*different, reminded, otherwise]]
    assert len(set(keys)) == len(keys)
    assert reading().key == reading(reminders=3, judge=ToyJudge(name="elsewhere")).key == keys[0]
    assert keys[0].startswith("id-1 ")


def test_recorded_replies_lead_to_the_same_end():
    replies = [TOO_LONG, Reply("Hm.", None, 4, 2), Reply("Final score: 3", None, 5, 2)]
    one, again = reading(LONG), reading(LONG)
    kept = {}
    for reply in replies:
        key = one.key
        kept[key] = one.take(reply)
    while not again.is_settled:
        again.take(kept[again.key])
    names = ("label", "reason", "reply", "first_reply", "shown", "requests", "prompt_tokens", "completion_tokens")
    assert [getattr(again, name) for name in names] == [getattr(one, name) for name in names]
    assert len(kept) == 3


def test_log_probabilities_are_not_kept_whether_asked_for_or_not():
    content = [{"token": "Final score: 4", "logprob": 0.0, "top_logprobs": []}]
    for wants in (False, True):
        one = reading(wants_expected=wants)
        kept = one.take(Reply("Final score: 4", logprobs=content))
        assert kept.logprobs is None and one.label == 4
        assert kept.expected_label == one.expected_label
        assert wants or one.expected_label is None


def test_an_annotation_sums_up_all_readings():
    first, second = reading(), reading(seed=1, judge=ToyJudge(name="other"))
    answered(first, "Hm.", "Final score: 3")
    answered(second, Reply(None, "empty_reply"))
    said = annotation_of([first, second])
    assert (said.label, said.reason, said.first_reply, said.judge) == (3, None, "Hm.", "toy")
    assert (said.further_labels, said.further_replies, said.further_judges) == ((None,), (None,), ("other",))
    assert (said.requests, said.prompt_tokens, said.completion_tokens) == (3, 20, 6)
