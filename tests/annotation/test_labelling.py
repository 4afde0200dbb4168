"""The command that asks a judge, as a user gives it."""

import json

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from curation.annotation.judging import Judging, Price
from curation.blocks.compare import compare_labels
from curation.cli import app
from curation.errors import ConfigError, CurationError, StaleOutput
from curation.folder import Folder, list_inputs
from curation.labelling import annotate

NUMBERS = [3, 0, 5, 1, 4, 2, 2, 1, 0, 5]


@pytest.fixture
def pages(tmp_path):
    """300 pages; the judge reads its label out of each."""
    rows = [
        {
            "id": f"p{row:03d}",
            "url": f"https://site{row % 7}.org/{row}",
            "text": f"Lesson {row}: the answer is {NUMBERS[row % 10]}.",
            "topic": "algebra" if row % 3 else "geometry",
        }
        for row in range(300)
    ]
    path = tmp_path / "pages.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def asked(chat_server, pages, tmp_path):
    """Runs `annotate` on the pages with the server as judge."""

    def answer(body, count):
        first = body["messages"][0]["content"]
        return f"Clear.\nFinal score: {first.split('the answer is ')[1][0]}"

    chat_server.answer = answer

    def run(judging=None, **more):
        location = f"endpoint:{chat_server.url}#tiny"
        output = str(tmp_path / "out")
        return annotate(str(pages), prompt="finemath_5pt", judge=location, output=output, judging=judging, **more)

    return run


class Said:
    """A progress that writes down what a stage will take."""

    def __init__(self):
        self.lines = []

    def begin(self, planned, shards, done, marks):
        pass

    def say(self, line, expected=None):
        self.lines.append((line, expected))

    def end(self, planned, record):
        pass


def rows_of(folder):
    return pq.read_table(folder).to_pylist()


def test_labels_come_in_input_order_with_all_that_is_promised(asked, tmp_path):
    said = Said()
    asked(sample=100, progress=said)
    rows = rows_of(tmp_path / "out/annotate/data")
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows) and len(rows) == 100
    assert all(row["label"] == NUMBERS[int(row["id"][1:]) % 10] for row in rows)
    promised = {
        "id", "url", "text_shown", "label", "reply", "judge", "prompt_digest", "prompt_tokens", "completion_tokens",
        "sample_weight",
    }  # fmt: skip
    assert promised <= rows[0].keys() and rows[0]["topic"]
    assert {row["sample_weight"] for row in rows} == {3.0} and {row["requests"] for row in rows} == {1}
    assert len(said.lines) == 1 and said.lines[0][1] == 100
    assert "100 documents to judge: about 100 requests" in said.lines[0][0] and "no price given" in said.lines[0][0]
    report = json.loads((tmp_path / "out/annotate/report.json").read_text())
    assert report["documents"] == sum(report["histogram"].values()) == 100


def test_a_pilot_is_paid_for_once(asked, chat_server, tmp_path):
    judging, said = Judging(price=Price(per_gpu_hour=2.0, gpus=4)), Said()
    report = asked(judging, estimate=True, progress=said)
    assert list(report.records) == ["sample", "pilot"] and len(chat_server.bodies) == 200
    told = json.loads((tmp_path / "out/pilot/forecast.json").read_text())
    assert (told["documents"], told["requests"], told["is_measured"]) == (100, 100, True)
    assert (told["prompt_tokens"], told["completion_tokens"]) == (700, 500) and told["cost"] > 0
    assert said.lines[0][1] == 200 and "measured on 200 replies" in said.lines[-1][0]
    asked(judging)
    assert len(chat_server.bodies) == 300
    assert len(rows_of(tmp_path / "out/annotate/data")) == 300


def test_limits_stop_a_run_and_a_higher_one_continues_it(asked, chat_server, tmp_path):
    with pytest.raises(CurationError, match="max_requests: 120 of 120 requests have been made"):
        asked(Judging(max_requests=120, concurrency=8))
    assert len(chat_server.bodies) == 120
    by_tokens = Price(per_million_prompt_tokens=100.0, per_million_completion_tokens=100.0)  # 0.0012 a request
    with pytest.raises(CurationError, match="max_cost"):
        asked(Judging(max_cost=0.24, price=by_tokens, concurrency=8))
    assert 190 <= len(chat_server.bodies) <= 200
    asked(Judging(max_requests=300))
    assert len(chat_server.bodies) == 300
    assert len(rows_of(tmp_path / "out/annotate/data")) == 300


def test_a_broken_prompt_burns_no_night(asked, chat_server):
    chat_server.answer = lambda body, count: "I would rather talk about the weather."
    with pytest.raises(
        CurationError, match=r"100 of the first 100 replies gave no label.*rather talk about the weather"
    ):
        asked(Judging(concurrency=4, reminders=0))
    assert len(chat_server.bodies) < 130


def test_a_reminder_is_a_setting(asked, chat_server, tmp_path):
    plain = chat_server.answer
    chat_server.answer = lambda body, count: plain(body, count) if len(body["messages"]) > 1 else "Hm, good."
    asked(sample=20)
    rows = rows_of(tmp_path / "out/annotate/data")
    assert all(row["label"] is not None and row["first_reply"] == "Hm, good." for row in rows)
    assert {row["requests"] for row in rows} == {2} and {row["prompt_tokens"] for row in rows} == {14}
    chats = [body["messages"] for body in chat_server.bodies if len(body["messages"]) > 1]
    assert [one["role"] for one in chats[0]] == ["user", "assistant", "user"]
    assert '"Final score: N"' in chats[0][2]["content"]


def test_further_readings_and_hand_labels(asked, chat_server, tmp_path):
    plain = chat_server.answer
    chat_server.answer = lambda body, count: plain(body, count) if body["seed"] == 0 else "Final score: 3"
    asked(Judging(repeat=2, generation={"temperature": 0.6}), sample=60)
    rows = rows_of(tmp_path / "out/annotate/data")
    assert all(row["further_labels"] == [3] and row["further_judges"] == ["tiny"] for row in rows)
    assert {body["temperature"] for body in chat_server.bodies} == {0.6}
    report = (tmp_path / "out/annotate/report.md").read_text()
    assert "kappa" in report and (tmp_path / "out/annotate/disagreements.jsonl").stat().st_size
    hand = tmp_path / "hand.csv"
    hand.write_text("id,label\n" + "".join(f"{row['id']},{row['label']}\n" for row in rows[:30]))
    assert "30" in compare_labels(str(tmp_path / "out"), str(hand)).to_markdown()
    hand.write_text("id,label\nnobody,3\n")
    with pytest.raises(ConfigError, match="nobody"):
        compare_labels(str(tmp_path / "out"), str(hand))


def test_what_changes_labels_is_not_mixed(asked):
    asked(sample=10)
    asked(Judging(concurrency=3, max_requests=10_000, price=Price(per_gpu_hour=1.0)), sample=10)
    with pytest.raises(StaleOutput, match="reminders: 1 -> 2"):
        asked(Judging(reminders=2), sample=10)


def test_the_command_line_gives_every_setting(chat_server, pages, tmp_path):
    chat_server.answer = lambda body, count: '{"justification": "clear", "score": 2}'
    arguments = [
        "annotate", str(pages), "--prompt", "finemath_5pt", "--judge", f"endpoint:{chat_server.url}#tiny",
        "--output", str(tmp_path / "out"), "--sample", "20", "--stratify", "topic", "--prefer", "words=lesson 12",
        "--constrain", "json", "--generation", '{"temperature": 0.2, "seed": null}', "--judge-options", '{"top_k": 5}',
        "--concurrency", "4", "--price-per-gpu-hour", "1.5",
    ]  # fmt: skip
    shown = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert shown.exit_code == 0 and "annotate/data" in shown.stdout
    body = chat_server.bodies[0]
    assert body["temperature"] == 0.2 and "seed" not in body and body["top_k"] == 5
    assert body["response_format"]["type"] == "json_schema"
    rows = rows_of(tmp_path / "out/annotate/data")
    assert {row["label"] for row in rows} == {2} and sum(row["topic"] == "geometry" for row in rows) == 10
    assert Folder(str(tmp_path / "out/annotate")).list_files("journal")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--constrain", "xml", "'xml' is not one of 'none', 'score', 'regex', 'json'"),
        ("--judge-options", "[1]", "--judge-options: expected a JSON object"),
        ("--generation", "{", "--generation: not valid JSON"),
        ("--generation", '{"temprature": 1}', "did you mean 'temperature'"),
        ("--max-cost", "5", "max_cost: needs a price"),
        ("--stop-unreadable", "2", "stop_unreadable: expected a share"),
        ("--prefer", "word=x", "words"),
        ("--second-judge", "endpont:http://x#m", "did you mean 'endpoint'"),
        ("--tokenizer", "/nowhere", "no file /nowhere"),
    ],
)
def test_a_wrong_setting_is_one_line_before_any_work(chat_server, pages, tmp_path, option, value, said):
    from curation.cli import main

    arguments = ["annotate", str(pages), "--prompt", "finemath_5pt", "--judge", f"endpoint:{chat_server.url}#tiny"]
    with pytest.raises(ConfigError) as caught:
        CliRunner().invoke(app, [*arguments, "-o", str(tmp_path / "out"), option, value], catch_exceptions=False)
    assert said in str(caught.value) and "\n" not in str(caught.value) and callable(main)
    assert not chat_server.bodies and not (tmp_path / "out/annotate").exists()


def test_a_later_pilot_does_not_take_the_place_of_the_labels(asked, chat_server, tmp_path):
    asked()
    labels = [file.path for file in list_inputs(str(tmp_path / "out"), (".parquet",))]
    asked(estimate=True)
    assert [file.path for file in list_inputs(str(tmp_path / "out"), (".parquet",))] == labels
    assert "/annotate/data/" in labels[0]


def test_redo_asks_the_pilots_documents_again(asked, chat_server):
    asked(estimate=True)
    assert len(chat_server.bodies) == 200
    asked(redo=True)
    assert len(chat_server.bodies) == 500


def test_several_workers_have_files_of_their_own_and_lose_nothing_when_stopped(asked, chat_server, tmp_path):
    with pytest.raises(CurationError, match="max_requests"):
        asked(Judging(max_requests=90, concurrency=4), sample=300, workers=3)
    recorded = sum(path.read_text().count("\n") for path in (tmp_path / "out/annotate/journal").glob("*.jsonl"))
    assert recorded == len(chat_server.bodies) < 300
    asked(Judging(concurrency=4), sample=300, workers=3)
    assert len(chat_server.bodies) == 300 and len(list((tmp_path / "out/annotate/data").glob("*.parquet"))) == 3


def test_a_limit_of_cost_needs_to_know_what_a_reply_took(asked, chat_server):
    choice = {"message": {"role": "assistant", "content": "Final score: 3"}, "finish_reason": "stop"}
    chat_server.answer = lambda body, count: (200, {"choices": [choice], "usage": {"prompt_tokens": "many"}}, {})
    price = Price(per_million_prompt_tokens=1.0)
    with pytest.raises(CurationError, match="does not say how many tokens"):
        asked(Judging(max_cost=5.0, price=price, concurrency=4))
    assert len(chat_server.bodies) < 60


def test_hand_labels_are_read_before_any_work(chat_server, pages, tmp_path):
    arguments = [
        "annotate", str(pages), "--prompt", "finemath_5pt", "--judge", f"endpoint:{chat_server.url}#tiny",
        "--output", str(tmp_path / "out"), "--compare",
    ]  # fmt: skip
    hand = tmp_path / "hand.csv"
    hand.write_text("id,label\np000,9\n")
    for file, said in ((tmp_path / "none.csv", "none.csv"), (hand, "9")):
        with pytest.raises(ConfigError, match=said):
            CliRunner().invoke(app, [*arguments, str(file)], catch_exceptions=False)
    assert not chat_server.bodies


def test_documents_without_urls_have_the_column(chat_server, tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"id": "a", "text": "one"}\n')
    annotate(str(path), prompt="finemath_5pt", judge=f"endpoint:{chat_server.url}#t", output=str(tmp_path / "out"))
    assert rows_of(tmp_path / "out/annotate/data")[0]["url"] is None
