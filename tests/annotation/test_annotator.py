import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.annotation import annotator as annotator_module
from curation.annotation import journal as journal_module
from curation.annotation.judge import Reply
from curation.annotation.judging import Judging, Price
from curation.annotation.prompt import load_prompt
from curation.annotation.replay import ReplayJudge
from curation.errors import ConfigError, CurationError

from .toys import PROMPT, ToyJudge, annotator, by_number, item, items, key_of, labels, number_in, shown_in

ANYTHING = Reply(None, "request_failed: 500 (4 attempts)")
GONE = Reply(None, "judge_failed: no server for 900 s")


def journalled(folder):
    """Keys and replies of a journal."""
    parts = sorted((Path(folder) / "journal").glob("*.jsonl"))
    return [json.loads(line) for part in parts for line in part.read_bytes().splitlines()]


def numbers(requests):
    return [number_in(request) for request in requests]


@settings(deadline=None)
@given(
    count=st.integers(0, 60),
    concurrency=st.integers(1, 9),
    seed=st.integers(0, 1000),
    slow=st.sets(st.integers(0, 60)),
)
def test_documents_come_back_in_their_order_whatever_the_order_of_replies(count, concurrency, seed, slow):
    judge = ToyJudge(concurrency=concurrency, seed=seed, is_slow=lambda request: number_in(request) in slow)
    said = list(annotator(judge, Judging(concurrency=concurrency)).annotate(items(count)))
    assert [one.document for one, _ in said] == list(range(count))
    assert [annotation.label for _, annotation in said] == [number % 6 for number in range(count)]
    assert sorted(numbers(judge.asked)) == list(range(count))


def test_one_slow_document_does_not_let_memory_grow(monkeypatch):
    monkeypatch.setattr(annotator_module, "_LEAST_HELD", 10)
    judge = ToyJudge(concurrency=4, is_slow=lambda request: number_in(request) == 0)
    pulled, ahead = [], []

    def documents():
        for number in range(400):
            pulled.append(number)
            yield item(number)

    for row, _ in enumerate(annotator(judge).annotate(documents())):
        ahead.append(len(pulled) - row)
    assert len(ahead) == 400
    assert max(ahead) <= 16 * 4
    assert judge.most_waiting <= 4 * 1.5 + 16


def test_a_slow_document_that_has_come_lets_the_others_out_while_requests_are_in_flight(monkeypatch):
    monkeypatch.setattr(annotator_module, "_LEAST_HELD", 10)
    monkeypatch.setattr(annotator_module, "_HELD_PER_REQUEST", 1)
    judge = ToyJudge(concurrency=8, lazy=True)
    judge.is_slow = lambda request: (number_in(request) == 0) == (len(judge.delivered) < 4)
    waiting = [len(judge.waiting) for _ in annotator(judge).annotate(items(100))]
    assert waiting[0] > 0


def test_requests_in_flight_are_bounded_where_a_document_takes_several():
    judge = ToyJudge(concurrency=4)
    said = list(annotator(judge, Judging(concurrency=4, repeat=5)).annotate(items(60)))
    assert len(judge.asked) == 300
    assert judge.most_waiting <= 4 * 1.5 + 16 + 4
    assert all(annotation.further_labels == (annotation.label,) * 4 for _, annotation in said)


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 30),
    stops=st.lists(st.integers(0, 30), max_size=4),
    seed=st.integers(0, 99),
    repeat=st.integers(1, 2),
)
def test_whoever_stops_and_goes_on_asks_nothing_twice(count, stops, seed, repeat):
    """The first reply of every third document is unreadable."""

    def answer(request, _):
        return "Well." if len(request.messages) == 1 and number_in(request) % 3 == 0 else by_number(request)

    judging, delivered = Judging(concurrency=3, repeat=repeat), set()
    undisturbed = list(annotator(ToyJudge(answer), judging).annotate(items(count)))
    with tempfile.TemporaryDirectory() as folder:
        for stop in [*stops, count]:
            judge = ToyJudge(answer, seed=seed)
            running = annotator(judge, judging, folder=folder).annotate(items(count))
            said = [one for one, _ in zip(running, range(stop), strict=False)]
            running.close()
            assert not delivered & {key_of(request) for request in judge.asked}
            delivered |= {key_of(request) for request in judge.delivered}
        assert said == undisturbed
        assert len(journalled(folder)) == len(delivered) == sum(one.requests for _, one in undisturbed)


@pytest.mark.parametrize("at", [0, 1, 7, 29, 55])
def test_killed_at_any_moment_no_recorded_reply_is_asked_for_again(tmp_path, monkeypatch, at):
    monkeypatch.setattr(journal_module, "_FLUSH_REPLIES", 3)
    judge, left = ToyJudge(), tmp_path / "left"

    def answer(request, _):
        if len(judge.delivered) >= at and not left.exists():  # what a kill leaves is what is written at this moment
            shutil.copytree(tmp_path / "out", left)
        return by_number(request)

    judge.answer = answer
    (tmp_path / "out").mkdir()
    whole = list(annotator(judge, folder=tmp_path / "out").annotate(items(60)))
    recorded = {row["key"].split()[0] for row in journalled(left)} if left.exists() else set()
    assert len(recorded) >= at - 3 - 3  # of the last flush, and of those that came together
    again = ToyJudge(seed=5)
    assert list(map(label_of, annotator(again, folder=left).annotate(items(60)))) == list(map(label_of, whole))
    assert sorted(f"id-{number}" for number in numbers(again.asked)) == sorted(
        {f"id-{number}" for number in range(60)} - recorded
    )
    assert len(journalled(left)) == 60


def label_of(pair):
    return pair[0].document, pair[1].label, pair[1].reply


def test_documents_with_one_id_and_one_text_keep_replies_of_their_own(tmp_path):
    judge = ToyJudge(lambda request, count: f"Reading {count}.\nFinal score: {count}")
    same = [item(1), item(1), item(2), item(1)]
    first = [said.reply for _, said in annotator(judge, folder=tmp_path).annotate(same)]
    assert sorted(first) == sorted([f"Reading {n}.\nFinal score: {n}" for n in (0, 0, 1, 2)])
    again = ToyJudge()
    second = [said.reply for _, said in annotator(again, folder=tmp_path).annotate(same)]
    assert Counter(second) == Counter(first)
    assert again.asked == []
    third = annotator(again, folder=tmp_path)
    assert [said.reply for _, said in third.annotate([item(1)] * 4)][:3] == [second[0], second[1], second[3]]
    assert len(again.asked) == 1 and third.status.recorded == 3


def test_lone_surrogates_go_through(tmp_path):
    text = "document 3 \ud800 end"
    judge = ToyJudge(lambda request, count: "\udfff odd\nFinal score: 3")
    for _ in range(2):
        ((_, said),) = annotator(judge, folder=tmp_path).annotate([item("\ud801", text)])
        assert (said.label, said.reply) == (3, "\udfff odd\nFinal score: 3")
    assert len(judge.asked) == 1
    assert "\ud800" not in shown_in(judge.asked[0])


def test_a_dead_judge_stops_the_run_and_what_came_is_kept(tmp_path):
    judge = ToyJudge(lambda request, count: GONE if number_in(request) in (7, 9) else by_number(request))
    yielded = []
    with pytest.raises(CurationError, match=r"the judge failed \(judge_failed: no server for 900 s\).*start again"):
        for one, said in annotator(judge, folder=tmp_path).annotate(items(40)):
            yielded.append((one.document, said.label))
    assert yielded == [(number, number % 6) for number in range(len(yielded))] and len(yielded) <= 7
    came = [number for number in numbers(judge.delivered) if number not in (7, 9)]
    assert sorted(row["key"].split()[0] for row in journalled(tmp_path)) == sorted(f"id-{number}" for number in came)
    again = ToyJudge()
    assert labels(again, items(40), folder=tmp_path) == [number % 6 for number in range(40)]
    assert sorted(numbers(again.asked)) == sorted(set(range(40)) - set(came))


def test_a_document_that_the_judge_cannot_do_has_no_label_and_is_asked_for_again(tmp_path):
    judge = ToyJudge(lambda request, count: ANYTHING if number_in(request) == 39 else by_number(request))
    for start in range(2):  # the last of the shard, too
        said = [said for _, said in annotator(judge, folder=tmp_path).annotate(items(40))]
        assert [one.reason for one in said] == [None] * 39 + ["request_failed: 500 (4 attempts)"]
        assert numbers(judge.asked).count(39) == start + 1
    assert len(judge.asked) == 41 and len(journalled(tmp_path)) == 39


def test_a_failed_reminder_keeps_the_first_reply(tmp_path):
    judge = ToyJudge(lambda request, count: "Hm." if len(request.messages) == 1 else ANYTHING)
    ((_, said),) = annotator(judge, folder=tmp_path).annotate([item(1)])
    assert (said.label, said.reason) == (None, ANYTHING.reason)
    assert said.reply == said.first_reply == "Hm."
    assert len(journalled(tmp_path)) == 1


def test_a_judge_that_fails_too_often_stops_the_run():
    judge = ToyJudge(lambda request, count: ANYTHING if number_in(request) % 3 == 0 else by_number(request))
    with pytest.raises(CurationError, match=r"the judge failed \(request_failed: 500"):
        labels(judge, items(1000))
    assert len(judge.asked) < 100


def test_replies_that_nobody_can_read_stop_the_run_early(tmp_path):
    judge = ToyJudge(lambda request, count: "No idea." if number_in(request) % 5 else by_number(request))
    judging = Judging(concurrency=4, reminders=0, stop_after=20)
    for start in (1, 2):  # whoever starts again is stopped again
        with pytest.raises(CurationError, match=r"of the first 20 replies gave no label.*'No idea\.'.*look at prompt"):
            labels(judge, items(1000), judging, folder=tmp_path)
        assert 20 * start <= len(judge.asked) <= (20 + 4 * 1.5 + 16) * start
    assert len(journalled(tmp_path)) == len(judge.asked)


@pytest.mark.parametrize(("bad", "share", "stops"), [(10, 0.5, False), (11, 0.5, True), (1, 0.0, True), (20, 1, False)])
def test_the_share_of_unreadable_replies_is_a_setting(bad, share, stops):
    judge = ToyJudge(lambda request, count: "No idea." if number_in(request) < bad else by_number(request))
    asking = annotator(judge, Judging(concurrency=1, reminders=0, stop_after=20, stop_unreadable=share))
    if stops:
        with pytest.raises(CurationError, match=f"{bad} of the first 20"):
            list(asking.annotate(items(20)))
    else:
        assert sum(said.label is None for _, said in asking.annotate(items(60))) == bad


def test_a_small_sample_is_not_stopped():
    said = labels(ToyJudge(lambda request, count: "No idea."), items(19), Judging(concurrency=4, stop_after=20))
    assert said == [None] * 19


def test_many_small_shards_are_counted_together():
    judge, judging = ToyJudge(lambda request, count: "No idea."), Judging(concurrency=4, stop_after=20)
    assert labels(judge, items(12), judging) == [None] * 12
    with pytest.raises(CurationError, match="20 of the first 20 replies"):
        labels(judge, items(12), judging)


def test_a_second_judge_that_nobody_can_read_is_noticed_beside_a_good_one():
    judges = [ToyJudge(), ToyJudge(lambda request, count: "No idea.", name="other")]
    with pytest.raises(CurationError, match="20 of the first 20 replies"):
        labels(judges, items(500), Judging(concurrency=4, stop_after=20))


def test_recorded_replies_do_not_speak_of_the_judge_again(tmp_path):
    bad = ToyJudge(lambda request, count: "No idea.")
    judging = Judging(concurrency=4, stop_after=20, reminders=0)
    assert labels(bad, items(19), judging, folder=tmp_path) == [None] * 19
    assert labels(ToyJudge(), items(60), judging, folder=tmp_path)[19:] == [number % 6 for number in range(19, 60)]


@settings(max_examples=40, deadline=None)
@given(most=st.integers(1, 50), starts=st.integers(1, 3), seed=st.integers(0, 99))
def test_no_more_requests_than_allowed(most, starts, seed):
    judging = Judging(concurrency=3, max_requests=most)
    judge = ToyJudge(lambda request, count: Reply(None, "request_rejected: 400") if number_in(request) % 4 == 0 else
                     "Hm." if len(request.messages) == 1 else by_number(request), seed=seed)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(starts):
            with pytest.raises(CurationError, match=r"max_requests: .* raise the limit and start again"):
                labels(judge, items(100), judging, folder=folder)
        assert len(judge.asked) == len(journalled(folder)) == most


def test_a_run_that_needs_just_what_is_allowed_ends_well(tmp_path):
    assert None not in labels(ToyJudge(), items(30), Judging(concurrency=3, max_requests=30), folder=tmp_path)


def test_the_cost_stops_the_run_and_raising_it_goes_on(tmp_path):
    price = Price(per_million_prompt_tokens=1e6 / 7)  # 1 for each request
    judge = ToyJudge()
    for limit, most in ((40, 40), (60, 60), (1000, 100)):
        judging = Judging(concurrency=2, price=price, max_cost=limit)
        try:
            assert len(labels(judge, items(100), judging, folder=tmp_path)) == 100
        except CurationError as error:
            assert "max_cost" in str(error)
            assert most - 1 <= len(judge.asked) <= most
    assert sorted(numbers(judge.asked)) == list(range(100))


def test_further_readings_have_seeds_of_their_own():
    judge = ToyJudge(lambda request, count: f"Final score: {(request.seed or 0) % 6}")
    for start, seeds in ((None, {None, 1, 2}), (41, {None, 42, 43})):
        prompt = Judging(generation={"seed": start} if start else {}).prompt(PROMPT)
        asking = annotator(judge, Judging(concurrency=4, repeat=3), prompt=prompt)
        ((_, said),) = asking.annotate([item(1)])
        assert {request.seed for request in judge.asked[-3:]} == seeds
        assert said.further_labels == tuple((seed or 0) % 6 for seed in sorted(seeds - {None}))
        assert said.further_judges == ("toy", "toy") and len(said.further_replies) == 2
        assert (said.requests, said.prompt_tokens, said.completion_tokens) == (3, 21, 15)


def test_a_second_judge_reads_the_same_text(tmp_path):
    judges = [ToyJudge(), ToyJudge(lambda request, count: "Final score: 5", name="other", seed=3)]
    for _ in range(2):
        said = [said for _, said in annotator(judges, folder=tmp_path).annotate(items(30))]
        assert [one.label for one in said] == [number % 6 for number in range(30)]
        assert {one.further_labels for one in said} == {(5,)} and {one.further_judges for one in said} == {("other",)}
    assert [len(judge.asked) for judge in judges] == [30, 30]


def test_a_share_of_the_documents_is_read_again_whatever_their_order():
    chosen = []
    for documents in (items(2000), items(2000)[::-1]):
        said = annotator(ToyJudge(concurrency=64), Judging(repeat=2, further_share=0.25)).annotate(documents)
        chosen.append({one.document for one, annotation in said if annotation.further_labels})
    assert chosen[0] == chosen[1]
    assert 400 < len(chosen[0]) < 600
    none = list(annotator(ToyJudge(), Judging(repeat=2, further_share=0)).annotate(items(20)))
    assert {said.further_labels for _, said in none} == {()}


def test_the_expected_label_is_read_from_log_probabilities_and_kept(tmp_path):
    tokens = [{"token": token, "logprob": 0.0, "top_logprobs": []} for token in ("Final", " score", ":")]
    tops = [{"token": " 4", "logprob": -0.2231}, {"token": " 3", "logprob": -1.6094}]
    tokens.append({"token": " 4", "logprob": -0.2231, "top_logprobs": tops})
    judge = ToyJudge(lambda request, count: Reply("Final score: 4", logprobs=tokens))
    for _ in range(2):
        asking = annotator(judge, Judging(concurrency=4, expected_label=True), folder=tmp_path)
        ((_, said),) = asking.annotate([item(1)])
        assert said.label == 4 and said.expected_label == pytest.approx(3.8, abs=1e-3)
    assert len(judge.asked) == 1 and "logprobs" not in journalled(tmp_path)[0]


def test_a_caller_that_stops_keeps_what_came_then_and_later(tmp_path):
    judge = ToyJudge(concurrency=8, lazy=True)
    running = annotator(judge, folder=tmp_path / "one").annotate(items(100))
    assert next(running)[1].label == 0
    running.close()
    assert len(journalled(tmp_path / "one")) == len(judge.delivered)
    assert judge.waiting
    assert labels(judge, [item(200 + n) for n in range(50)], folder=tmp_path / "two") == [
        (200 + n) % 6 for n in range(50)
    ]
    assert {row["key"].split()[0] for row in journalled(tmp_path / "two")} == {f"id-{200 + n}" for n in range(50)}
    came = [number for number in numbers(judge.delivered) if number < 200]
    assert sorted(row["key"].split()[0] for row in journalled(tmp_path / "one")) == sorted(f"id-{n}" for n in came)
    again = ToyJudge()
    assert len(labels(again, items(100), folder=tmp_path / "one")) == 100
    assert not set(numbers(again.asked)) & set(came)


def test_an_interrupt_keeps_what_came(tmp_path):
    judge = ToyJudge(concurrency=8)
    asking = annotator(judge, folder=tmp_path)
    add, added = asking._journal.add, []

    def interrupted(key, reply):
        add(key, reply)
        added.append(key)
        if len(added) == 5:
            raise KeyboardInterrupt

    asking._journal.add = interrupted
    with pytest.raises(KeyboardInterrupt):
        list(asking.annotate(items(100)))
    assert len(journalled(tmp_path)) == len(judge.delivered)


def test_an_input_that_fails_keeps_what_came(tmp_path):
    judge = ToyJudge()

    def documents():
        yield from items(40)
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        labels(judge, documents(), folder=tmp_path)
    assert len(journalled(tmp_path)) == len(judge.delivered) > 10


def test_a_judge_that_refuses_its_first_request_says_so(tmp_path):
    judge = ToyJudge()
    judge.completed = lambda timeout: (_ for _ in ()).throw(ConfigError("no such model"))
    with pytest.raises(ConfigError, match="no such model"):
        labels(judge, items(5), folder=tmp_path)
    assert not (tmp_path / "journal").exists()


def test_replies_are_recorded_while_documents_come_slowly(tmp_path, monkeypatch):
    judge, now, written = ToyJudge(concurrency=256), [100.0], []
    monkeypatch.setattr(journal_module.time, "monotonic", lambda: now[0])

    def documents():
        for number in range(60):
            now[0] += 1.0
            written.append(number - len(journalled(tmp_path)))
            yield item(number)

    assert len(labels(judge, documents(), Judging(), folder=tmp_path)) == 60
    assert max(written) <= 20  # what came in five seconds, and a few that the judge has not answered yet


def test_replies_are_recorded_while_whoever_takes_the_documents_is_slow(tmp_path, monkeypatch):
    judge, now = ToyJudge(concurrency=256), [100.0]
    monkeypatch.setattr(journal_module.time, "monotonic", lambda: now[0])
    running = annotator(judge, Judging(), folder=tmp_path).annotate(items(200))
    late = []
    for _ in running:
        now[0] += 1.0
        if (tmp_path / "journal").exists():
            late.append(len(judge.delivered) - len(journalled(tmp_path)))
    assert max(late) <= 7 * 3


def test_recorded_replies_of_a_file_are_looked_up_and_not_recorded(tmp_path):
    file = tmp_path / "replies.jsonl"
    rows = [{"id": f"id-{n}", "reply": f"Final score: {n % 6}" if n % 4 else "So-so."} for n in range(0, 40, 2)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    judge = ReplayJudge(str(file))
    said = [said for _, said in annotator(judge, Judging(reminders=0), folder=tmp_path).annotate(items(40))]
    assert [one.label for one in said] == [n % 6 if n % 4 == 2 else None for n in range(40)]
    reasons = Counter((one.reason or "").partition(":")[0] for one in said)
    assert reasons == {"no_recorded_reply": 20, "unreadable": 10, "": 10}


def test_most_documents_may_lack_a_recorded_reply():
    judge = ToyJudge(lambda request, count: Reply(None, "no_recorded_reply"))
    asking = annotator(judge, Judging(concurrency=4, stop_after=5))
    assert {said.reason for _, said in asking.annotate(items(50))} == {"no_recorded_reply"}


def test_a_document_without_a_value_for_a_slot_stays_without_a_label(tmp_path):
    prompt = load_prompt("stack_edu_5pt")
    judge = ToyJudge(lambda request, count: f"{prompt.reply_words}: {number_in(request)}")
    documents = [item(1, language="Python"), item(2), item(3, language="C")]
    said = [said for _, said in annotator(judge, folder=tmp_path, prompt=prompt).annotate(documents)]
    assert [one.label for one in said] == [1, None, 3]
    assert said[1].reason.startswith("not_asked: prompt stack_edu_5pt: slot 'language' is missing")
    assert len(judge.asked) == len(journalled(tmp_path)) == 2
    with pytest.raises(CurationError, match=r"20 of the first 20 replies.*'language' is missing"):
        labels(judge, items(500), Judging(concurrency=4, stop_after=20), prompt=prompt)


def test_what_somebody_else_asked_is_left_alone():
    judge = ToyJudge()
    annotating = annotator(judge).annotate(items(5))
    next(annotating)
    request = judge.asked[0]
    for ticket in (3, "mine"):
        judge.submit(ticket, request)
    assert len(list(annotating)) == 4


def test_a_pilot_counts_as_recorded(tmp_path):
    judge = ToyJudge()
    labels(judge, items(20), folder=tmp_path / "pilot")
    asking = annotator(judge, folder=tmp_path / "out", known=[tmp_path / "pilot"])
    assert [said.label for _, said in asking.annotate(items(50))] == [n % 6 for n in range(50)]
    assert len(judge.asked) == 50 and asking.status.recorded == 20


def test_shards_know_their_own_replies(tmp_path):
    judge = ToyJudge()
    labels(judge, items(20), folder=tmp_path, shard="00000")
    labels(judge, items(20), folder=tmp_path, shard="00000")
    assert len(judge.asked) == 20
    labels(judge, items(20), folder=tmp_path, shard="00001")
    assert len(judge.asked) == 40


def test_whoever_asks_is_told_how_far_it_is(tmp_path):
    told = []
    judge = ToyJudge(lambda request, count: "Hm." if number_in(request) == 1 else by_number(request))
    judging = Judging(concurrency=4, reminders=1)
    labels(judge, items(10), judging, folder=tmp_path, tell=lambda status: told.append(repr(status)))
    assert told and "documents=10, labelled=9, unlabelled=1, recorded=0, requests=11" in told[-1]
    assert "prompt_tokens=77, completion_tokens=55" in told[-1]


def test_without_documents_nothing_is_asked(tmp_path):
    assert labels(ToyJudge(), [], folder=tmp_path) == []
    assert list(tmp_path.iterdir()) == []
