import pytest

from curation.annotation.cutting import Cutter
from curation.annotation.forecast import Forecast, Pilot, Sizes, forecast, measure, read_pilot, time_text
from curation.annotation.journal import Journal
from curation.annotation.judge import Reply
from curation.annotation.judging import Judging, Price
from curation.annotation.prompt import load_prompt
from curation.folder import Folder

from .toys import PROMPT, item

SIZES = Sizes(1000.0, False)
PILOT = Pilot(requests=220, documents=200, recorded=200, prompt_tokens=1100.0, completion_tokens=90.0, seconds=4.0)


def record(folder, shard, replies):
    journal = Journal(folder, shard)
    for key, reply in replies:
        journal.add(key, reply)
    journal.close()


def test_without_a_pilot_everything_is_assumed():
    told = forecast(SIZES, 256_000, Judging())
    assert (told.documents, told.requests) == (256_000, 256_000)
    assert (told.prompt_tokens, told.completion_tokens) == (256_000_000, 150 * 256_000)
    assert told.hours == pytest.approx(1000 * 10 / 3600)
    assert told.cost is None and not told.is_measured
    assert "256,000 documents to judge: about 256,000 requests, 256.0M prompt tokens, 38.4M reply tokens" in str(told)
    assert "2.8 h, no price given" in str(told) and "4 characters a token; assumed: 150 tokens and 10 s" in str(told)
    assert "prompts counted" in str(forecast(Sizes(10, True), 5, Judging()))


def test_a_pilot_replaces_the_assumptions_and_its_documents_are_done():
    told = forecast(SIZES, 1_000_200, Judging(concurrency=100), pilot=PILOT)
    assert (told.documents, told.requests) == (1_000_000, 1_100_000)
    assert told.prompt_tokens == 1_210_000_000 and told.completion_tokens == 99_000_000
    assert told.hours == pytest.approx(1_100_000 * 4 / 100 / 3600)
    assert told.is_measured and "measured on 220 replies: 4.0 s a reply with 100 in flight" in str(told)


def test_what_a_pilot_does_not_know_is_assumed():
    pilot = Pilot(requests=10, documents=10, recorded=10, prompt_tokens=0.0, completion_tokens=0.0, seconds=0.0)
    told = forecast(SIZES, 110, Judging(), pilot=pilot)
    assert (told.prompt_tokens, told.completion_tokens) == (100_000, 15_000)
    assert told.hours == pytest.approx(100 * 10 / 10 / 3600)


def test_cost_by_tokens_and_by_gpus():
    by_token = Price(per_million_prompt_tokens=2.0, per_million_completion_tokens=10.0)
    told = forecast(SIZES, 10_000, Judging(price=by_token))
    assert told.cost == pytest.approx(10_000 * 1000 * 2 / 1e6 + 10_000 * 150 * 10 / 1e6)
    assert "cost 35.00" in str(told)
    for price, gpus in ((Price(per_gpu_hour=2.5), 4), (Price(per_gpu_hour=2.5, gpus=4), 1)):
        one = forecast(SIZES, 100_000, Judging(price=price, concurrency=100), gpus=gpus)
        assert one.hours == pytest.approx(100_000 * 10 / 100 / 3600)
        assert one.cost == pytest.approx(one.hours * 4 * 2.5)
        two = forecast(SIZES, 100_000, Judging(price=price, concurrency=100), gpus=gpus, tasks=2)
        assert two.hours == pytest.approx(one.hours / 2) and two.cost == pytest.approx(one.cost)


@pytest.mark.parametrize(
    ("settings", "each"),
    [
        ({}, 1.0),
        ({"repeat": 3}, 3.0),
        ({"repeat": 3, "further_share": 0.1}, 1.2),
        ({"second_judge": "endpoint:http://a#b"}, 2.0),
        ({"second_judge": "endpoint:http://a#b", "repeat": 2, "further_share": 0.5}, 2.0),
        ({"repeat": 3, "further_share": 0.0}, 1.0),
    ],
)
def test_further_readings_are_requests(settings, each):
    assert forecast(SIZES, 1000, Judging(**settings)).requests == round(1000 * each)


def test_where_all_is_done_nothing_is_to_come():
    for documents in (200, 100, 0):
        told = forecast(SIZES, documents, Judging(price=Price(per_gpu_hour=1)), pilot=PILOT)
        assert (told.documents, told.requests, told.hours, told.cost) == (0, 0, 0.0, 0.0)
    assert forecast(Sizes(0.0, False), 0, Judging()).requests == 0


def test_few_documents_are_not_asked_for_with_all_requests_in_flight():
    assert forecast(SIZES, 8, Judging(concurrency=256)).hours == pytest.approx(10 / 3600)


def test_prompts_are_measured_on_the_first_documents():
    pulled = []

    def documents():
        for number in range(1000):
            pulled.append(number)
            yield item(number, "x" * 400)

    sizes = measure(documents(), Cutter(PROMPT), PROMPT)
    assert sizes.prompt_tokens == len(PROMPT.messages("x" * 400)[0]["content"]) / 4
    assert not sizes.is_counted and len(pulled) <= 300
    assert measure([], Cutter(PROMPT), PROMPT) == Sizes(0.0, False)


def test_documents_of_which_nothing_will_be_asked_are_not_measured():
    prompt = load_prompt("stack_edu_5pt")
    whole = measure([item(1, "x = 1", language="C")], Cutter(prompt), prompt)
    assert measure([item(2, "x"), item(1, "x = 1", language="C")], Cutter(prompt), prompt) == whole


def test_a_pilot_is_read_from_journals(tmp_path):
    folder = Folder(str(tmp_path))
    assert read_pilot([folder]) is None
    record(folder, "00000", [("a b 1", Reply(None, "request_rejected: 400"))])
    assert read_pilot([folder]) is None
    replies = [
        ("a b 2", Reply("Hm.", None, 100, 10, 1.0)),
        ("a b 3", Reply("Final score: 1", None, 200, 30, 3.0)),
        ("\ud800 4", Reply("Final score: 1")),
    ]
    record(folder, "00000", replies)
    pilot = Pilot(requests=3, documents=2, recorded=2, prompt_tokens=150.0, completion_tokens=20.0, seconds=2.0)
    assert read_pilot([folder]) == pilot


def test_of_the_own_folder_only_the_shards_that_are_left_are_recorded(tmp_path):
    """Nine shards are done, one is under way: what a document takes is known from all, what is left from that one."""
    own, pilot = Folder(str(tmp_path / "own")), Folder(str(tmp_path / "pilot"))
    for shard in range(10):
        count = 100 if shard < 9 else 50
        record(
            own, f"{shard:05d}", [(f"{shard}-{n} k", Reply("Final score: 1", None, 10, 10, 1)) for n in range(count)]
        )
    left = read_pilot([own], ["00009"])
    assert (left.requests, left.documents, left.recorded) == (950, 950, 50)
    told = forecast(SIZES, 100, Judging(), pilot=left)
    assert (told.documents, told.requests) == (50, 50)

    between = read_pilot([own], ["00010"])  # the next one has not begun
    assert forecast(SIZES, 100, Judging(), pilot=between).requests == 100

    record(pilot, "00000", [("9-0 k", Reply("Final score: 1")), ("9-99 k", Reply("Final score: 1"))])
    assert read_pilot([own, pilot], ["00009"]).recorded == 51


def test_hours_are_told_as_people_read_them():
    assert [time_text(hours) for hours in (1234.5, 1, 0.5, 1 / 60, 0.01, 0)] == [
        "1,234.5 h", "1.0 h", "30 min", "1 min", "36 s", "0 s"
    ]  # fmt: skip


def test_small_numbers_are_told_whole():
    told = Forecast(3, 4, 99_999, 100_000, 0.0, 1234.567, True, "x")
    assert "3 documents to judge: about 4 requests, 99,999 prompt tokens, 0.1M reply tokens, 0 s, cost 1,234.57" in str(
        told
    )
