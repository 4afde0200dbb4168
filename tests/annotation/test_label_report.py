import dataclasses
import random

import numpy as np
import pytest

from curation.annotation.label_report import Asked, LabelReport, Spent
from curation.annotation.label_tally import MOST_APART, LabelTally, kind_of_reason, readings_of
from curation.scale import Scale

ASKED = Asked(
    prompt="finemath_5pt",
    digest="0123456789abcdef",
    source="ours",
    text="Rate it.\n{text}\n",
    scale=(0, 5),
    generation={"temperature": 0.7, "max_tokens": 400},
    constrain="none",
    judge_options={},
)


def row(identifier="1", label=3, **more):
    base = {"id": identifier, "url": None, "label": label, "judge": "llama", "text_shown": f"text {identifier}"}
    reason = None if label is not None else "unreadable: outside the scale 0 to 5: 9"
    return {**base, "reply": f"Final score: {label}", "label_reason": reason, "requests": 1, **more}


def tally_of(rows):
    tally = LabelTally(Scale(0, 5))
    for one in rows:
        tally.add(one)
    return tally


def report_of(rows, **asked):
    return tally_of(rows).report(dataclasses.replace(ASKED, **asked))


def repeated(identifier, *labels, judges=None, **more):
    further = list(labels[1:])
    return row(
        identifier,
        labels[0],
        further_labels=further,
        further_replies=[f"Reply {number}: {label}" for number, label in enumerate(further)],
        further_judges=judges or ["llama"] * len(further),
        **more,
    )


def test_labels_reasons_and_reminders_are_counted():
    rows = [
        row("a", 3),
        row("b", 0, first_reply="So so."),
        row("c", None, first_reply="Nice."),
        row("d", None, label_reason="too_long: 9,000 tokens", reply=None),
        row("e", None, label_reason="unreadable: outside the scale 0 to 5: 7"),
    ]
    report = report_of(rows)
    assert (report.documents, report.labelled, report.requests) == (5, 2, 5)
    assert report.histogram == {0: 1, 1: 0, 2: 0, 3: 1, 4: 0, 5: 0}
    assert report.reasons == {"unreadable: outside the scale 0 to 5": 2, "too_long": 1}
    assert report.examples == {"unreadable: outside the scale 0 to 5": "c", "too_long": "d"}
    assert (report.asked_again, report.saved) == (2, 1)
    text = report.to_markdown()
    assert "5 documents were asked about; 2 (40.0%) have a label, 1.50 on average." in text
    assert "| too_long | 1 | 20.0% | `d` |" in text
    assert "2 documents (40.0% of all)" in text and "saved 1 of them (50.0%)" in text
    assert "**60.0% of the documents have no label" in text
    assert "Each document was read once" in text


def test_reasons_are_kinds_and_not_one_for_each_document():
    assert kind_of_reason("unreadable: no line 'Final score: …'") == "unreadable: no line 'Final score: …'"
    assert kind_of_reason("unreadable: more than one number: 3-4") == "unreadable: more than one number"
    assert kind_of_reason("request_rejected: 400 what you sent at 12:03") == "request_rejected"
    assert kind_of_reason("empty_reply") == "empty_reply"
    assert kind_of_reason(None) == "no_reason"
    many = report_of(row(str(n), None, label_reason=f"new reason {n}") for n in range(500))
    assert len(many.reasons) <= 51 and sum(many.reasons.values()) == 500


def test_weights_tell_what_the_sample_stands_for():
    report = report_of([row("a", 0, sample_weight=9.0), row("b", 4, sample_weight=1.0), row("c", None)])
    assert report.weighted == {0: 0.9, 1: 0.0, 2: 0.0, 3: 0.0, 4: 0.1, 5: 0.0}
    assert "| 0 | 1 | 50.0% | 90.0% |" in report.to_markdown()
    alike = report_of([row("a", 0, sample_weight=3.0), row("b", 4, sample_weight=3.0)])
    assert alike.weighted is None and "stands for" not in alike.to_markdown()


def test_tokens_are_summed_and_their_percentile_is_found_without_keeping_them():
    sizes = list(range(1, 1001)) * 2
    random.Random(0).shuffle(sizes)
    report = report_of(row(str(n), prompt_tokens=size, completion_tokens=123_456) for n, size in enumerate(sizes))
    assert (report.prompt_tokens.total, report.prompt_tokens.mean, report.prompt_tokens.p95) == (1_001_000, 500.5, 950)
    assert report.completion_tokens.p95 == 124_000  # to three digits
    assert report_of([row()]).prompt_tokens is None
    assert "No tokens were counted" in report_of([row()]).to_markdown()


def test_expected_labels_stand_beside_labels():
    stats = pytest.importorskip("scipy.stats")
    random_ = np.random.default_rng(0)
    labels = random_.integers(0, 6, 300)
    expected = np.round(np.clip(labels + random_.normal(0, 0.8, 300), 0, 5), 2)
    rows = [row(str(n), int(a), expected_label=float(b)) for n, (a, b) in enumerate(zip(labels, expected, strict=True))]
    found = report_of([*rows, row("none", 2, expected_label=None)]).expected
    assert found.documents == 300
    assert found.spearman == pytest.approx(stats.spearmanr(labels, expected).statistic, abs=1e-4)
    assert found.mean_difference == pytest.approx(np.abs(labels - expected).mean(), abs=1e-4)
    assert found.mean_expected == pytest.approx(expected.mean(), abs=1e-4)


def test_repeated_readings_give_the_ceiling():
    rows = [repeated("a", 3, 3, 4), repeated("b", 0, 0, 1), repeated("c", 2, None, 2), row("d", 5)]
    report = report_of(rows)
    (trust,) = report.trust
    assert (trust.judge, trust.other) == ("llama", "llama")
    # a: 3-3, 3-4, 3-4; b: 0-0, 0-1, 0-1; c: 2-2
    assert (trust.agreement.documents, trust.agreement.pairs) == (3, 7)
    assert trust.agreement.exact.value == pytest.approx(3 / 7, abs=1e-4)
    assert trust.agreement.within_one.value == 1.0
    assert trust.agreement.f1[3].value == 1.0 and trust.agreement.f1[4].value == 0.0 and trust.agreement.f1[5] is None
    assert trust.same_words == 0.0
    assert report.readings["llama"].asked == 10 and report.readings["llama"].labelled == 9
    text = report.to_markdown()
    assert "on 3 documents that it read more than once (7 pairs of readings)" in text
    assert "What the ceiling means" in text and "Only 3 documents were read again" in text


def test_a_second_judge_has_a_table_of_its_own():
    rows = [repeated("a", 3, 4, 2, judges=["llama", "qwen"]), repeated("b", 1, 1, 1, judges=["llama", "qwen"])]
    report = report_of(rows)
    found = {(one.judge, one.other): one for one in report.trust}
    assert found.keys() == {("llama", "llama"), ("llama", "qwen")}
    both = found["llama", "qwen"]
    assert (both.agreement.documents, both.agreement.pairs, both.same_words) == (2, 4, None)
    assert both.agreement.table[3][2] == 1 and both.agreement.table[4][2] == 1 and both.agreement.table[1][1] == 2
    assert report.readings["qwen"].histogram[2] == 1
    assert "`llama` with `qwen`" in report.to_markdown()


def test_two_judges_are_one_table_whoever_came_first():
    rows = [repeated("a", 3, 1, judges=["qwen"]), {**repeated("b", 2, 4, judges=["llama"]), "judge": "qwen"}]
    (one,) = report_of(rows).trust
    assert (one.judge, one.other) == ("llama", "qwen")
    assert one.agreement.table[3][1] == 1 and one.agreement.table[4][2] == 1


def test_agreement_that_says_little_is_called_so():
    varied = [repeated(str(n), n % 6, n % 6) for n in range(200)]
    assert "says little" not in report_of(varied).to_markdown()
    assert "temperature 0 a judge repeats itself" in report_of(varied, generation={"temperature": 0.0}).to_markdown()
    warmer = report_of(varied, generation={"temperature": 0.0}, judge_options={"temperature": 0.8})
    assert "says little" not in warmer.to_markdown()
    by_server = report_of(varied, judge_options={"body": {"temperature": 0}})
    assert "says little" in by_server.to_markdown()
    same = [row(str(n), n % 6, further_labels=[n % 6], further_replies=[f"Final score: {n % 6}"]) for n in range(200)]
    report = report_of(same)
    assert report.trust[0].same_words == 1.0
    assert "100% of its further replies are the same word for word" in report.to_markdown()


def test_the_documents_on_which_readings_disagree_most_are_kept_in_bounded_memory():
    random_ = random.Random(0)
    rows = [repeated(f"{n:04d}", 2, random_.randint(0, 5)) for n in range(3000)]
    tally = tally_of(rows)
    kept = list(tally.apart)
    assert len(kept) == MOST_APART and len(tally.apart._rows) <= 2 * MOST_APART
    wanted = sorted(rows, key=lambda one: (-abs(2 - one["further_labels"][0]), one["id"]))[:MOST_APART]
    assert [one["id"] for one in kept] == [one["id"] for one in wanted]
    assert kept[0]["labels"] == [2, 5] and kept[0]["judges"] == ["llama", "llama"]
    assert len(kept[0]["replies"]) == 2 and kept[0]["text_shown"].startswith("text ")
    assert not list(tally_of([repeated("a", 2, 2), repeated("b", 2, None), row("c")]).apart)


def test_documents_that_were_not_read_again_have_one_reading():
    assert readings_of(row("a", 3)) == ([3], ["llama"], ["Final score: 3"])
    assert readings_of(row("a", 3, further_labels=None, further_judges=None, further_replies=None))[0] == [3]
    assert readings_of(row("a", 3, further_labels=[]))[0] == [3]


@pytest.mark.parametrize("spent", [None, Spent(1.5, 3.0, 2.0, 0.25)])
def test_a_report_comes_back_from_json(spent):
    rows = [repeated("a", 3, 4, sample_weight=2.0, expected_label=3.2, prompt_tokens=5), row("b", None), row("c", 1)]
    report = tally_of([*rows, row("d", 1, sample_weight=1.0)]).report(ASKED, spent)
    assert LabelReport.from_json(report.to_json()) == report
    empty = report_of([])
    assert LabelReport.from_json(empty.to_json()) == empty
    assert "No document was asked about." in empty.to_markdown()


def test_how_it_was_asked_stands_in_the_report():
    generation = {"temperature": 0.6, "system": "You are\nstrict."}
    text = report_of([row()], generation=generation, constrain="score", judge_options={"top_k": 20}).to_markdown()
    assert "- generation: temperature 0.6\n" in text and "- system prompt: You are strict." in text
    assert "constrained to: score" in text and "top_k 20" in text and "digest `0123456789abcdef`" in text
    assert "recorded elsewhere" in report_of([row(judge="replay:x.jsonl")]).to_markdown()


def test_a_noisy_second_reading_of_real_labels_is_measured(recorded):
    random_ = random.Random(0)
    rows = []
    for one in recorded("finemath_5pt"):
        again = min(5, max(0, one["label"] + random_.choices([-1, 0, 1], [1, 8, 1])[0]))
        rows.append(row(one["id"], one["label"], further_labels=[again], further_replies=["x"], reply=one["reply"]))
    report = report_of(rows)
    assert report.histogram == {0: 384, 1: 150, 2: 175, 3: 205, 4: 80, 5: 5}
    found = report.trust[0].agreement
    assert found.documents == 999 and found.within_one.value == 1.0
    assert 0.8 < found.exact.low < found.exact.value < found.exact.high < 0.9
    assert found.kappa.low < found.kappa.value < found.kappa.high and found.kappa.value > 0.93
    assert found.f1[5].high - found.f1[5].low > 5 * (found.f1[3].high - found.f1[3].low)
