"""The command ``curate``, as a user calls it: from another folder, in a fresh interpreter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from toy_recipe import SAMPLE, curate, everything, record_of, rows_of
from typer.testing import CliRunner

from curation.cli import app, main
from curation.content import content_root

COMMANDS = ("list", "plan", "run", "status", "annotate", "train", "score", "filter", "extract")


@pytest.fixture
def pages(tmp_path):
    """A few scored documents."""
    rows = [
        {"id": f"d{row}", "url": f"https://a{row % 3}.example/{row}", "text": f"text {row}", "int_score": row % 6}
        for row in range(12)
    ]
    (tmp_path / "pages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "pages.jsonl"


def run_smoke(*settings):
    sets = [part for setting in settings for part in ("--set", setting)]
    return ("run", "finemath", "--config", "finemath-smoke", "--output", "OUT", *sets)


REFUSED = {
    "unknown key": (run_smoke("treshold=4"), ["unknown key 'treshold'", "did you mean 'threshold'?"]),
    "unknown nested key": (run_smoke("second.promt=x"), ["unknown key 'second.promt'", "'prompt'"]),
    "wrong type": (run_smoke("threshold=three"), ["threshold", "expected int", "'three'"]),
    "wrong choice": (run_smoke("dedup.keep=[worst]"), ["keep: 'worst'", "best"]),
    "no value": (run_smoke("threshold"), ["--set threshold", "key=value"]),
    "missing config": (("run", "finemath", "--config", "nosuch.yaml", "--output", "OUT"), ["nosuch.yaml"]),
    "unknown recipe": (("run", "finemat", "--output", "OUT"), ["'finemat'", "'finemath'"]),
    "missing recipe file": (("run", "./nosuch.py", "--output", "OUT"), ["nosuch.py"]),
    "unknown judge": (run_smoke("second.judge=chatgpt:x"), ["chatgpt", "replay", "endpoint", "vllm"]),
    "missing replies": (run_smoke("second.judge=replay:/no/such.jsonl"), ["/no/such.jsonl"]),
    "unknown prompt": (run_smoke("second.prompt=finemath_5p"), ["finemath_5p", "finemath_5pt"]),
    "unknown spec": (run_smoke("second.spec=finemath-embeded"), ["finemath-embeded", "finemath-embedded"]),
    "empty glob": (run_smoke("inputs=[/no/such/*.warc.gz]"), ["/no/such/*.warc.gz", "no input"]),
    "missing benchmark": (run_smoke("benchmarks=[/no/such.jsonl]"), ["/no/such.jsonl"]),
    "missing url list": (run_smoke("domains.url_lists=[/no/such.txt]"), ["/no/such.txt"]),
    "missing package": (run_smoke("tokenizer=package:nosuch_package/model"), ["nosuch_package"]),
    "unknown detector": (run_smoke("language_detector=nosuch"), ["nosuch", "langid"]),
    "unavailable embedder": (run_smoke("second.spec=SPEC"), ["nobody/no-model"]),
    "unavailable tokenizer": (run_smoke("tokenizer=nobody/no-tokenizer"), ["nobody/no-tokenizer"]),
    "unavailable classifier": (run_smoke("second.classifier=nobody/no-classifier"), ["nobody/no-classifier"]),
    "unknown stage": ((*run_smoke(), "--stage", "scor"), ["'scor'", "'score'"]),
    "unknown stage of --redo": ((*run_smoke(), "--redo", "scor"), ["'scor'", "'score'"]),
    "unknown stage of --from": ((*run_smoke(), "--from", "scor=PAGES"), ["'scor'", "'score'"]),
    "unknown stage of settings": (run_smoke("stages.scor={tasks: 2}"), ["'scor'", "'score'"]),
    "unknown executor option": (run_smoke("executor.partitoin=x"), ["partitoin", "partition"]),
    "unknown executor": ((*run_smoke(), "--executor", "slrum"), ["slrum", "slurm"]),
    "half a --from": ((*run_smoke(), "--from", "score"), ["--from score", "STAGE=PATH"]),
    "half a --columns": ((*run_smoke(), "--columns", "text"), ["--columns text"]),
    "unknown column": (
        (*run_smoke(), "--from", "select=PAGES", "--columns", "text=content"),
        ["'content'", "int_score"],
    ),
    "unknown column of a command": (
        ("filter", "PAGES", "--threshold", "3", "--output", "OUT", "--columns", "text=content"),
        ["'content'", "int_score"],
    ),
    "unknown cut": (("filter", "PAGES", "--threshold", "3", "--output", "OUT", "--cut", "x"), ["--cut x"]),
    "missing input": (("filter", "/no/such", "--threshold", "3", "--output", "OUT"), ["/no/such"]),
    "a recipe without scores": (("filter", "finemath", "--threshold", "3"), ["finemath is a recipe", "--input FOLDER"]),
    "a threshold that is none": (
        ("filter", "PAGES", "--threshold", "x", "--output", "OUT"),
        ["--threshold x", "Python=3"],
    ),
    "two thresholds": (("filter", "PAGES", "--threshold", "3", "--threshold", "4"), ["--threshold 4", "given twice"]),
    "no threshold": (
        (
            "filter",
            "PAGES",
        ),
        ["say where to cut"],
    ),
    "a look at other files": (("filter", "PAGES", "--threshold", "3"), ["pages.jsonl", "read from parquet"]),
    "a target of a recipe": (("filter", "finemath", "--input", "PAGES", "--target", "f1"), ["--target", "--input"]),
    "texts of no recipe": (("filter", "PAGES", "--threshold", "3", "--with-text"), ["--with-text", "SCORED"]),
    "a slip in a group of licences": (
        ("filter", "finemath", "--input", "PAGES", "--licence", "permisive"),
        ["'permisive'", "'permissive'"],
    ),
    "bad options": (
        (
            "annotate",
            "PAGES",
            "--prompt",
            "finemath_5pt",
            "--judge",
            "replay:x",
            "--output",
            "OUT",
            "--judge-options",
            "{",
        ),
        ["--judge-options"],
    ),
    "no server": (
        (
            "annotate",
            "PAGES",
            "--prompt",
            "finemath_5pt",
            "--judge",
            "endpoint:http://127.0.0.1:9#m",
            "--output",
            "OUT",
        ),
        ["http://127.0.0.1:9"],
    ),
    "missing page": (("extract", "/no/such.html"), ["/no/such.html"]),
    "unknown extractor": (("extract", "PAGES", "--extractor", "x"), ["--extractor x"]),
    "unknown treatment of macros": (("extract", "PAGES", "--macros", "x"), ["--macros x", "keep", "expand", "drop"]),
    "nothing to explain": (
        ("extract", "PAGES", "--explain", "--extractor", "main_content"),
        ["--explain", "main_content"],
    ),
    "no run": (("status", "/no/such"), ["/no/such"]),
    "no slurm partition": (("run", "TOY", "--output", "OUT", "--executor", "slurm"), ["partition"]),
}


def called(arguments, cwd, monkeypatch, capfd):
    """As `curate`, but inside this process: most of a second faster."""
    monkeypatch.chdir(cwd)
    monkeypatch.setattr(sys, "argv", ["curate", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capfd.readouterr()
    return subprocess.CompletedProcess(arguments, ended.value.code, shown.out, shown.err)


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_one_line_before_any_work(case, toy, pages, tmp_path, monkeypatch, capfd):
    arguments, said = REFUSED[case]
    spec = tmp_path / "mine.yaml"
    spec.write_text(f"extends: {content_root()}/classifiers/finemath.yaml\nembedder: nobody/no-model\nrevision: null\n")
    given = {"OUT": str(tmp_path / "out"), "PAGES": str(pages), "SPEC": str(spec), "TOY": toy}
    for name, value in given.items():
        arguments = [one.replace(name, value) for one in arguments]
    if case.startswith("unavailable"):
        shown = curate(*arguments, cwd=tmp_path, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path / "home"))
    else:
        shown = called(arguments, tmp_path, monkeypatch, capfd)
    assert shown.returncode == 2, shown.stderr
    assert shown.stdout == ""
    assert shown.stderr.count("\n") == 1, shown.stderr
    assert shown.stderr.startswith(("ConfigError: ", "ContentError: "))
    for words in said:
        assert words in shown.stderr, shown.stderr
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_one_line(pages, tmp_path):
    shown = curate("filter", pages, "--threshold", "3", "--output", pages / "below/a/file")
    assert shown.returncode == 2 and shown.stderr.count("\n") == 1, shown.stderr
    assert "pages.jsonl/below/a/file" in shown.stderr and "cannot be written" in shown.stderr


@pytest.mark.parametrize(
    "arguments", [("run",), ("run", "finemath"), ("nosuch",), ("run", "finemath", "--output", "o", "--workers", "none")]
)
def test_a_wrong_call_is_2_and_says_how(arguments, tmp_path):
    shown = curate(*arguments, cwd=tmp_path)
    assert shown.returncode == 2 and shown.stdout == ""
    assert "Usage" in shown.stderr or "--help" in shown.stderr
    assert not list(tmp_path.iterdir())


def test_a_step_that_fails_is_1_and_one_line(toy, tmp_path):
    shown = curate("run", toy, "--output", tmp_path / "out", "--set", "fails_at=7-3")
    assert shown.returncode == 1
    (line,) = [line for line in shown.stderr.splitlines() if "Error" in line]
    assert "stage measure" in line and "cannot measure 7-3" in line and "/logs" in line
    assert "Traceback" not in shown.stderr and shown.stdout == ""


def test_stale_output_is_1_and_one_line(toy, done):
    shown = curate("run", toy, "--output", done, "--set", "factor=11")
    assert shown.returncode == 1 and shown.stdout == ""
    assert shown.stderr.startswith("StaleOutput: ") and shown.stderr.count("\n") == 1
    assert "factor" in shown.stderr and "--redo measure" in shown.stderr


def test_results_are_on_stdout_and_progress_on_stderr(toy, tmp_path):
    shown = curate("run", toy, "--output", "out", cwd=tmp_path)
    assert shown.returncode == 0
    counts = record_of(tmp_path / "out/select")
    (row,) = [line for line in shown.stdout.splitlines() if line.startswith("select")]
    assert row.split()[1:3] == [str(counts["documents"]), str(counts["kept"])]
    assert "below_threshold" in row
    assert [line.split()[1] for line in shown.stderr.splitlines() if line.startswith("✓")] == [
        "measure",
        "select",
        "join",
    ]
    assert "✓" not in shown.stdout
    again = curate("run", toy, "--output", "out", cwd=tmp_path)
    assert again.returncode == 0 and "Nothing to do" in again.stdout and "✓" not in again.stderr


def test_list_names_what_is_shipped():
    shown = curate("list")
    assert shown.returncode == 0 and shown.stderr == ""
    for name in ("finemath", "finemath-smoke", "finemath-embedded", "finemath_3pt", "stack_edu_5pt"):
        assert name in shown.stdout
    found = json.loads(curate("list", "--json").stdout)
    assert set(found) == {"recipes", "classifiers", "prompts"}
    assert found["recipes"]["finemath"] == ["finemath", "finemath-smoke"]


def test_plan_touches_nothing(tmp_path):
    shown = curate("plan", "finemath", "--config", "finemath-smoke", "--output", "out", cwd=tmp_path)
    assert shown.returncode == 0 and shown.stderr == ""
    assert not list(tmp_path.iterdir())
    for words in ("extract_first", "4 files", "not there yet", "publish"):
        assert words in shown.stdout


def test_plan_says_what_would_be_skipped_and_why(smoke):
    before = everything(smoke[0])
    arguments = ("plan", "finemath", "--config", "finemath-smoke", "--output", smoke[0], "--plain")
    lines = curate(*arguments, "--set", "threshold=4").stdout.splitlines()
    assert any(line.startswith("score: done (") for line in lines)
    assert "select: rebuild (changed: threshold)" in lines
    lines = curate(*arguments, "--set", "second.sample_size=5").stdout.splitlines()
    assert any(line.startswith("annotate: stale (") for line in lines)
    assert everything(smoke[0]) == before


def test_the_plan_of_the_published_values_needs_no_network(tmp_path):
    shown = curate("plan", "finemath", "--output", tmp_path / "out", "--plain", HF_HUB_OFFLINE="1")
    assert shown.returncode == 0, shown.stderr
    assert "s3://commoncrawl" in shown.stdout and "vllm:meta-llama/Llama-3.1-70B-Instruct" in shown.stdout
    assert not (tmp_path / "out").exists()


def test_status(toy, smoke, tmp_path):
    shown = curate("status", smoke[0])
    assert shown.returncode == 0 and shown.stderr == ""
    for words in ("finemath", "publish", "exact_duplicate 4", "contaminated 1"):
        assert words in shown.stdout
    curate("run", toy, "--output", tmp_path / "out", "--set", "fails_at=11-3", "--workers", "1")
    shown = curate("status", tmp_path / "out")
    done = len(list((tmp_path / "out/measure/shards").glob("*.json")))
    assert 0 < done < 12 and f"measure: {done} of 12 shards are done" in shown.stdout


def test_extract_a_page(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(r"<html><body><p>The area is <script type='math/tex'>\pi r^2</script>.</p></body></html>")
    shown = curate("extract", page.name, cwd=tmp_path)
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "The area is $\\pi r^2$.\n", "")


def test_extract_an_archive():
    shown = curate("extract", SAMPLE / "finemath-00.warc.gz", "--limit", "3")
    assert shown.returncode == 0 and shown.stderr == ""
    heads = [line for line in shown.stdout.splitlines() if line.startswith("=== ")]
    assert sum(line.startswith("=== https://") for line in heads) == 3
    assert "more than 3 pages" in heads[-1]
    whole = curate("extract", SAMPLE / "finemath-00.warc.gz", "--limit", "500").stdout
    assert "not_html" in whole and "warcinfo 1" in whole.splitlines()[-1]


CIRCLES = r"""<html lang=en><head><title>Circles</title>
<script>window.MathJax = {tex: {macros: {R: "\\mathbb{R}"}}}</script></head>
<body><nav><a href=/>Home</a> <a href=/a>About</a></nav>
<p>The area of a circle of radius \(r \in \R\) is \(\pi r^2\), as every child learns at school.</p></body></html>"""
AREA = r"The area of a circle of radius $r \in \R$ is $\pi r^2$, as every child learns at school."
AREA_AS_WRITTEN = AREA.replace(r"$r \in \R$", r"\(r \in \R\)").replace(r"$\pi r^2$", r"\(\pi r^2\)")


@pytest.fixture
def extracted(tmp_path, monkeypatch, capfd):
    """What ``curate extract`` prints of a page about circles, given options."""
    (tmp_path / "page.html").write_text(CIRCLES)

    def printed(*options):
        shown = called(("extract", "page.html", *options), tmp_path, monkeypatch, capfd)
        assert (shown.returncode, shown.stderr) == (0, "")
        return shown.stdout

    return printed


def test_extract_as_json(extracted):
    found = {
        "text": AREA,
        "has_mathematics": True,
        "title": "Circles",
        "language": "en",
        "reasons": [],
        "macros": [r"\newcommand{\R}{\mathbb{R}}"],
    }
    assert json.loads(extracted("--json")) == found
    assert json.loads(extracted("--json", "--macros", "drop")) == found | {"macros": []}
    plain = json.loads(extracted("--json", "--extractor", "main_content"))
    assert plain["text"].splitlines()[-1] == AREA_AS_WRITTEN and plain["has_mathematics"] is False


def test_extract_explains_each_block(extracted):
    navigation, area = extracted("--explain").splitlines()
    assert navigation.startswith("- 0.") and navigation.endswith("  Home About")
    sign, chance, text = area.split(maxsplit=2)
    assert sign == "+" and 0.5 < float(chance) <= 1 and text == AREA_AS_WRITTEN


def test_extract_the_whole_page(extracted):
    assert extracted() == AREA + "\n"
    assert extracted("--whole") == "Home About\n\n" + AREA + "\n"


def test_extract_with_macros_expanded(extracted):
    assert extracted("--macros", "keep") == extracted("--macros", "drop") == AREA + "\n"
    assert extracted("--macros", "expand") == AREA.replace(r"\R", r"\mathbb{R}") + "\n"


def test_extract_without_mathematics(extracted):
    assert extracted("--no-mathematics") == AREA_AS_WRITTEN + "\n"


def test_extract_an_archive_as_json_and_explained(tmp_path, monkeypatch, capfd):
    archive = SAMPLE / "finemath-00.warc.gz"

    def printed(*options):
        shown = called(("extract", archive, *options), tmp_path, monkeypatch, capfd)
        assert (shown.returncode, shown.stderr) == (0, "")
        return shown.stdout.splitlines()

    rows = [json.loads(line) for line in printed("--json", "--limit", "500")]
    headings = [line for line in printed("--limit", "500") if line.startswith("=== https://")]
    urls = [line.split()[1] for line in headings if line.rpartition(" at ")[2].isdigit()]  # no reason: a page
    assert [row["url"] for row in rows] == urls and len(headings) > len(urls) > 10
    assert all(row["text"].strip() for row in rows) and any(row["has_mathematics"] for row in rows)
    head, *blocks, more = printed("--explain", "--limit", "1")
    assert head.startswith(f"=== {rows[0]['url']} at ") and more.startswith("=== more than 1 pages")
    assert {block[:4] for block in blocks} <= {"+ 0.", "- 0.", "+ 1."}
    assert {block[0] for block in blocks} == {"+", "-"}
    assert all(len(block) < 120 for block in blocks)


def test_annotate_train_score_filter(smoke, tmp_path):
    rows = rows_of(smoke[0] / "extract_first/data")
    lines = [json.dumps({"doc": row["id"], "url": row["url"], "content": row["text"][:1500], "n": 1}) for row in rows]
    (tmp_path / "pages.jsonl").write_text("\n".join(lines))
    columns = ("--columns", "text=content,id=doc")

    def command(*arguments):
        shown = curate(*arguments, cwd=tmp_path)
        assert shown.returncode == 0, shown.stderr
        return shown

    judge = f"replay:{SAMPLE}/replies-5pt.jsonl"
    asked = ("annotate", "pages.jsonl", "--prompt", "finemath_5pt", "--judge", judge, *columns)
    shown = command(*asked, "--output", "labels")
    assert "no_recorded_reply 8" in shown.stdout and "unreadable 2" in shown.stdout and "labelled 80" in shown.stdout
    assert "labels/annotate/data" in shown.stdout
    shown = command("train", "finemath-embedded", "--labels", "labels", "--output", "classifier")
    assert "80 labels" in shown.stdout and "Few labels" in shown.stdout and "classifier/train/model" in shown.stdout
    shown = command("score", "pages.jsonl", "--classifier", "classifier", *columns, "--output", "scored")
    scored = rows_of(tmp_path / "scored/score/data")
    assert [row["id"] for row in scored] == [row["id"] for row in rows]
    assert all(row["n"] == 1 and row["calibrated_score"] is not None for row in scored)
    shown = command("filter", "scored", "--threshold", "3", "--cut", "calibrated", "--output", "kept")
    kept = rows_of(tmp_path / "kept/select/data")
    assert kept == [row for row in scored if row["calibrated_score"] >= 3] and kept
    shown = command("filter", "scored", "--threshold", "2.7", "--output", "kept")
    assert rows_of(tmp_path / "kept/select/data") == [row for row in scored if row["score"] >= 2.7]
    again = curate(*asked, "--output", "labels", "--sample", "50", cwd=tmp_path)
    assert again.returncode == 1 and again.stderr.startswith("StaleOutput: ")
    assert "--redo" in again.stderr and again.stderr.count("\n") == 1


BY_LANGUAGE = """
from dataclasses import dataclass

from curation import KeepScore, Stage


@dataclass(frozen=True, kw_only=True)
class Settings:
    threshold: float


def stages(s):
    keep = KeepScore(threshold=s.threshold, cut="published", by="language", threshold_of={"Java": 2})
    return [Stage(name="select", reads=("nothing",), steps=[keep])]
"""


@pytest.fixture
def scored(tmp_path):
    """Scored code files, and a recipe with a threshold for each language."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {
            "id": f"d{n}",
            "text": f"text {n}",
            "language": ["Python", "C++", "Java"][n % 3],
            "license_type": ["permissive", "no_license"][n % 2],
            "token_count": 1000 + n,
            "score": n % 50 / 10,
            "int_score": round(n % 50 / 10),
        }
        for n in range(300)
    ]
    (tmp_path / "scored").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "scored/a.parquet")
    (tmp_path / "mine.py").write_text(BY_LANGUAGE)
    (tmp_path / "mine.yaml").write_text("threshold: 3\n")
    return rows


def test_filter_looks_before_anything_is_written(scored, tmp_path, monkeypatch, capfd):
    def printed(*options):
        shown = called(("filter", "./mine.py", "--input", "scored", *options), tmp_path, monkeypatch, capfd)
        assert (shown.returncode, shown.stderr) == (0, "")
        return shown.stdout

    def kept(name, least):
        return sum(row["language"] == name and row["int_score"] >= least for row in scored)

    before = sorted(tmp_path.rglob("*"))
    lines = printed().splitlines()
    assert lines[0].split() == ["language", "kept", "where", "documents", "kept", "tokens", "kept"]
    for name, least in (("Python", 3), ("C++", 3), ("Java", 2)):
        (line,) = [line for line in lines if line.startswith(name)]
        assert f"int_score >= {least}" in line and f"100 → {kept(name, least)} " in line and " → " in line.split("%")[1]
    assert f"dropped  below_threshold {300 - kept('Python', 3) - kept('C++', 3) - kept('Java', 2)}" in lines
    assert lines[-1].startswith("read ") and " kB in " in lines[-1] and lines[-1].endswith(" kB")
    only = printed("--language", "cpp", "--threshold", "2.7", "--licence", "permissive", "--min-tokens", "1100")
    fit = [
        r for r in scored if r["language"] == "C++" and r["license_type"] == "permissive" and r["token_count"] >= 1100
    ]
    assert f"C++ score >= 2.7 100 → {sum(row['score'] >= 2.7 for row in fit)} " in " ".join(only.split())
    assert "Python" not in only and "licence 50" in only
    report = json.loads(printed("--threshold", "C++=2", "--keep-share", "java=0.25", "--json"))
    assert {one["language"]: one["documents_kept"] for one in report["languages"]} == {
        "Python": kept("Python", 3),
        "C++": kept("C++", 2),
        "Java": 26,  # the 25th best has a score that two documents have
    }
    assert sorted(tmp_path.rglob("*")) == before


def test_filter_writes_a_folder_for_each_language(scored, tmp_path, monkeypatch, capfd):
    asked = ("filter", "./mine.py", "--input", "scored", "--threshold", "4", "--output", "kept", "--with-text")
    shown = called(asked, tmp_path, monkeypatch, capfd)
    assert shown.returncode == 0 and shown.stdout.splitlines()[-1] == f"result  {tmp_path}/kept"
    assert [row["text"] for row in rows_of(tmp_path / "kept/Cpp")] == [
        row["text"] for row in scored if row["language"] == "C++" and row["int_score"] >= 4
    ]
    assert json.loads((tmp_path / "kept/filter.json").read_text())["flags"] == {"threshold": 4.0}


def test_filter_of_documents_takes_the_same_flags(scored, tmp_path, monkeypatch, capfd):
    flags = ("--threshold", "3", "--threshold", "java=2.5", "--licence", "permissive", "--language", "java")
    shown = called(("filter", "scored", *flags, "--output", "kept"), tmp_path, monkeypatch, capfd)
    assert shown.returncode == 0 and "other_language 200, licence 50, below_threshold 26" in shown.stdout
    kept = [
        row["id"]
        for row in scored
        if row["language"] == "Java" and row["score"] >= 2.5 and row["license_type"] == "permissive"
    ]
    assert [row["id"] for row in rows_of(tmp_path / "kept/select/data")] == kept
    shown = called(("filter", "scored", *flags, "--json"), tmp_path, monkeypatch, capfd)
    assert json.loads(shown.stdout)["total"]["documents_kept"] == len(kept)
    shown = called(("filter", "scored", *flags, "--output", "kept", "--json"), tmp_path, monkeypatch, capfd)
    assert json.loads(shown.stdout)["kept"] == len(kept)


def test_filter_says_what_a_run_selected(smoke, tmp_path, monkeypatch, capfd):
    asked = ("filter", "finemath", "--config", "finemath-smoke", "--input", smoke[0], "--json")
    shown = called(asked, tmp_path, monkeypatch, capfd)
    record = record_of(smoke[0] / "select")
    found = json.loads(shown.stdout)["total"]
    assert (found["documents"], found["documents_kept"]) == (record["documents"], record["kept"])


def test_every_help_shows_an_example():
    for command in COMMANDS:
        shown = CliRunner().invoke(app, [command, "--help"])
        assert shown.exit_code == 0
        assert f"Example: curate {command}" in " ".join(shown.output.split()), shown.output


def test_no_command_shows_the_commands():
    shown = CliRunner().invoke(app, [])
    assert all(command in shown.output for command in COMMANDS)


def test_the_entry_point_is_declared():
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    assert 'curate = "curation.cli:main"' in text
