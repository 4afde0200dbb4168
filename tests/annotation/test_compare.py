import json

from curation.annotation.compare import ComparisonTally, HandLabel
from curation.scale import Scale


def judged(identifier, label, url=None, **more):
    return {"id": identifier, "url": url, "label": label, "judge": "llama", "reply": f"Final score: {label}", **more}


def compare(hand, rows, **options):
    tally = ComparisonTally(Scale(0, 5), hand)
    for one in rows:
        tally.add(one)
    return tally.comparison("mine.csv", **options)


def test_the_hand_label_is_the_reference():
    hand = [HandLabel(str(n), None, label) for n, label in enumerate([3, 3, 1, 0])]
    found = compare(hand, [judged(str(n), label) for n, label in enumerate([3, 2, 3, 0])])
    assert found.agreement.table[3][2] == 1 and found.agreement.table[1][3] == 1
    assert found.agreement.exact.value == 0.5
    assert (found.bias, found.mean_difference) == (0.25, 0.75)
    # At 3 you select 0 and 1, the judge 0 and 2.
    assert "| 3 | 2 | 2 | 50.0% | 50.0% | 0.500" in found.to_markdown()
    assert "the judge is more generous than you" in found.to_markdown()
    assert [one.id for one in found.apart] == ["2", "1"]
    assert found.weighted is None and found.weighted_bias is None


def test_documents_are_found_by_id_else_by_url():
    hand = [
        HandLabel("a", "http://a", 1),
        HandLabel(None, "http://b", 2),
        HandLabel("elsewhere", "http://c", 3),
        HandLabel("lost", None, 4),
        HandLabel("u", None, 5),
        HandLabel("a", None, 5),
    ]
    rows = [judged("a", 1), judged("b", 2, "http://b"), judged("c", 3, "http://c"), judged("u", None), judged("x", 0)]
    found = compare(hand, rows, blank=7)
    assert found.agreement.documents == 3 and found.agreement.exact.value == 1.0
    assert (found.hand_labels, found.blank, found.repeated, found.unmatched, found.unlabelled) == (6, 7, 1, 1, 1)
    text = found.to_markdown()
    assert "6 hand labels: 3 are compared; of documents that the judge was not asked about: 1" in text
    assert "rows without a label: 7" in text and "**Only 3 documents" in text
    assert "the judge is as strict as you" in text


def test_weights_tell_what_the_sample_stands_for():
    hand = [HandLabel(str(n), None, 3) for n in range(10)]
    rows = [judged(str(n), 3 if n < 5 else 5, sample_weight=9.0 if n < 5 else 1.0) for n in range(10)]
    found = compare(hand, rows)
    assert found.agreement.exact.value == 0.5 and found.weighted.exact.value == 0.9
    assert (found.bias, found.weighted_bias) == (1.0, 0.2)
    # 50² / 410 = 6.1 documents' worth: the interval is wider than that of 10.
    assert found.weighted.documents == 10
    assert found.weighted.exact.high - found.weighted.exact.low > 0.4
    assert "As in what the sample stands for" in found.to_markdown()


def test_largest_differences_come_first_and_are_bounded():
    hand = [HandLabel(f"{n:03d}", None, n % 6) for n in range(600)]
    found = compare(hand, [judged(f"{n:03d}", 0, text_shown="t") for n in range(600)])
    assert len(found.apart) == 200
    assert [abs(one.hand - one.judge) for one in found.apart] == [5] * 100 + [4] * 100
    assert found.apart[0].id == "005" and found.apart[0].text_shown == "t"
    assert "500 documents are labelled differently, the 10 that differ most below" in found.to_markdown()
    assert "apart" not in json.loads(found.to_json()) and json.loads(found.to_json())["bias"] == -2.5


def test_nothing_in_common_is_no_comparison():
    assert compare([HandLabel("a", None, 1)], [judged("b", 1)]) is None
    assert compare([HandLabel("a", None, 1)], [judged("a", None)]) is None


def test_real_labels_agree_with_themselves(recorded):
    rows = recorded("fineweb_edu_5pt")
    found = compare([HandLabel(one["id"], None, one["label"]) for one in rows], [{**one, "judge": "j"} for one in rows])
    assert found.agreement.kappa.value == 1.0 and found.bias == 0.0 and not found.apart
    assert found.agreement.documents == len(rows) == 796
