"""The bundled code sample is what its README says, and its table is what its sources say."""

import ast
import importlib.util
import itertools
import json
import re
import subprocess
from collections import Counter, defaultdict
from pathlib import Path
from shutil import which

import pyarrow.parquet as pq
import pytest

from curation.annotation.prompt import load_prompt
from curation.annotation.reply import read_reply
from curation.errors import UnreadableReply
from curation.text.code_filters import code_failure
from curation.text.code_identity import identify
from curation.text.code_languages import code_languages
from curation.text.code_limits import CodeLimits
from curation.text.code_origin import generated, vendored

SAMPLE = Path(__file__).resolve().parents[2] / "pipelines" / "sample" / "code"
README = (SAMPLE / "README.md").read_text(encoding="utf-8")
DROPPED = {
    "broken.c": "binary",
    "dump.sql": "long_lines",
    "embedded_icon.cpp": "encoded_data",
    "gauge_pb2.py": "generated",
    "jquery-like.min.js": "vendored",
    "Primes.hs": "language_not_listed",
}
UNANSWERED = {"CsvExporter.java", "svg_writer.cpp", "checkout.js", "walk.c"}
UNREADABLE = "clock.js"
CONTAMINATED = "lantern_gaps.py"
SECRETS = {"settings.py": ("mR7!vtq", "AKIA", "uT5pZ0"), "sync_stock.py": ("ghp_",)}
EMAIL = "ottilie.brandt@copper-kettle.example"


def load_pack():
    spec = importlib.util.spec_from_file_location("sample_pack_code", SAMPLE / "pack_code.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pack = load_pack()
ROWS = list(pack.read_sources(SAMPLE / "files.jsonl"))


def json_lines(name):
    return [json.loads(line) for line in (SAMPLE / name).read_text(encoding="utf-8").splitlines()]


def name_of(row):
    return row["path"].rsplit("/", 1)[-1]


def text_of(row):
    encoding = "latin-1" if name_of(row) == "temperatur.c" else "utf-8"
    return row["content"].decode(encoding)


def language_of(row):
    return identify(row["path"], text_of(row).replace("\0", ""))


def only(name):
    found = [row for row in ROWS if name_of(row) == name]
    assert len(found) == 1, name
    return found[0]


def blob_of(line):
    """`ReadContents` names a file by its content and its path; the content alone tells the label."""
    blob, path = line["id"].split(":", 1)
    assert path == line["path"]
    return blob


def labels():
    prompt = load_prompt("stack_edu_5pt")
    found = {}
    for line in json_lines("replies.jsonl"):
        try:
            found[blob_of(line)] = str(read_reply(line["reply"], prompt))
        except UnreadableReply:
            found[blob_of(line)] = "unreadable"
    return found


def table(heading):
    """The rows of the table below a heading of the README, cells by the names of their columns."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line[:1] == "|"]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(head, row, strict=True)) for row in rows]


def shingles(text):
    tokens = [token for token in re.split(r"\W", text.lower()) if token]
    return {tuple(tokens[start : start + 5]) for start in range(len(tokens) - 4)}


# -- the table --------------------------------------------------------------------------------------------------------


def test_the_table_is_up_to_date(tmp_path):
    packed = pq.read_table(pack.pack(SAMPLE / "files.jsonl", tmp_path))
    assert packed.equals(pq.read_table(SAMPLE / "code.parquet"))  # the bytes are those of one release of pyarrow


def test_packing_twice_gives_the_same_bytes(tmp_path):
    first, second = (pack.pack(SAMPLE / "files.jsonl", tmp_path / folder) for folder in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_a_line_with_two_contents_or_none_is_refused(tmp_path):
    for line in ({"path": "a"}, {"path": "a", "content": "", "content_base64": ""}):
        (tmp_path / "files.jsonl").write_text(json.dumps(line), encoding="utf-8")
        with pytest.raises(ValueError, match="line 1"):
            list(pack.read_sources(tmp_path / "files.jsonl"))


def test_checkouts_hold_the_same_bytes(tmp_path):
    roots = pack.check_out(SAMPLE / "files.jsonl", tmp_path)
    files = {path for path in tmp_path.rglob("*") if path.is_file() and ".git" not in path.parts}
    assert files == {tmp_path / row["repo_name"] / row["path"] for row in ROWS}
    assert all((tmp_path / row["repo_name"] / row["path"]).read_bytes() == row["content"] for row in ROWS)
    assert {root.relative_to(tmp_path).as_posix() for root in roots} == {row["repo_name"] for row in ROWS}
    for root in roots:
        assert root.relative_to(tmp_path).as_posix() in (root / ".git" / "config").read_text(encoding="ascii")


@pytest.mark.skipif(which("git") is None, reason="git is not installed")
def test_blob_ids_are_those_of_git(tmp_path):
    (tmp_path / "file").write_bytes(ROWS[5]["content"])
    said = subprocess.run(["git", "hash-object", tmp_path / "file"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == ROWS[5]["blob_id"]


# -- files ------------------------------------------------------------------------------------------------------------


def test_files_are_small_and_unique():
    places = [(row["repo_name"], row["path"]) for row in ROWS]
    assert len(set(places)) == len(places)
    assert [row["path"] for row in ROWS if row["length_bytes"] > 8000] == []
    assert sum(path.stat().st_size for path in SAMPLE.iterdir() if path.is_file()) < 400_000


def test_six_languages_have_a_dozen_files_that_stay():
    counts = Counter(language_of(row) for row in ROWS if name_of(row) not in DROPPED)
    assert {language for language, number in counts.items() if number >= 12} == {
        "Python", "JavaScript", "C", "C++", "Java", "SQL",
    }  # fmt: skip


def test_python_files_are_python():
    for row in ROWS:
        if row["path"].endswith(".py"):
            ast.parse(text_of(row))


def test_exactly_the_planted_files_are_dropped():
    listed, found = code_languages(), {}
    for row in ROWS:
        text, language = text_of(row), language_of(row)
        if language == "Text":
            continue  # licences
        failure = code_failure(text, row["path"], CodeLimits())
        if "\0" in text:
            found[name_of(row)] = "binary"
        elif language not in listed:
            found[name_of(row)] = "language_not_listed"
        elif vendored(row["path"]):
            found[name_of(row)] = "vendored"
        elif generated(row["path"], text):
            found[name_of(row)] = "generated"
        elif failure and language != "Markdown":  # whose lines may be long
            found[name_of(row)] = failure.reason
    assert found == DROPPED


def test_latin_1_is_no_utf_8():
    with pytest.raises(UnicodeDecodeError):
        only("temperatur.c")["content"].decode("utf-8")
    assert "Großmutter" in text_of(only("temperatur.c"))


# -- README -----------------------------------------------------------------------------------------------------------


def test_counts_of_files():
    assert f"{len(ROWS)} files of {len({row['repo_name'] for row in ROWS})} invented repositories" in README
    assert f"{len(json_lines('replies.jsonl'))} replies" in README


def test_counts_of_languages_and_labels():
    read, counts = labels(), defaultdict(Counter)
    for row in ROWS:
        counts[language_of(row)][read.get(row["blob_id"], "no reply")] += 1
    said = {row.pop("language"): row for row in table("Files by language and label")}
    assert {language: int(row.pop("files")) for language, row in said.items()} == {
        language: number.total() for language, number in counts.items()
    }
    found = {
        language: {label: int(cell) for label, cell in row.items() if cell != "0"} for language, row in said.items()
    }
    assert found == counts


def test_counts_of_repositories():
    said = {row["repository"]: (int(row["files"]), int(row["stars"]), row["licence"]) for row in table("Repositories")}
    for name, (files, stars, licence) in said.items():
        rows = [row for row in ROWS if row["repo_name"] == name]
        assert (len(rows), {row["star_events_count"] for row in rows}) == (files, {stars})
        stated = {tuple(row["detected_licenses"] or ()) for row in rows}
        assert stated == ({()} if licence in ("none", "six different") else {(licence,)})
    assert set(said) == {row["repo_name"] for row in ROWS}


def test_planted_files_are_named():
    for name in {*DROPPED, *UNANSWERED, UNREADABLE, CONTAMINATED, *SECRETS}:
        assert f"`{name}`" in README


# -- licences ---------------------------------------------------------------------------------------------------------


def test_every_file_of_mixed_licences_names_its_own():
    rows = [row for row in ROWS if row["repo_name"].endswith("mixed-licences")]
    found = {re.match(r".{2,3}SPDX-License-Identifier: ([\w.+ -]+)\n", text_of(row))[1] for row in rows}
    assert len(found) == 6


def test_a_licence_file_stands_where_one_is_stated():
    stated = {row["repo_name"] for row in ROWS if row["detected_licenses"]}
    assert stated == {row["repo_name"] for row in ROWS if re.match("LICENSE|COPYING", row["path"])}


# -- replies ----------------------------------------------------------------------------------------------------------


def test_replies_belong_to_files():
    ids = [line["id"] for line in json_lines("replies.jsonl")]
    assert len(set(ids)) == len(ids)
    by_place = {(row["repo_name"], row["path"]): row["blob_id"] for row in ROWS}
    assert all(by_place[line["repo_name"], line["path"]] == blob_of(line) for line in json_lines("replies.jsonl"))


def test_only_the_planted_reply_is_unreadable():
    read = labels()
    assert [name for name, label in read.items() if label == "unreadable"] == [only(UNREADABLE)["blob_id"]]
    assert {label for label in read.values() if label != "unreadable"} == set("12345")


def test_justifications_are_short():
    assert [line["path"] for line in json_lines("replies.jsonl") if len(line["reply"].split()) > 103] == []


def test_what_stays_has_a_reply_but_for_four():
    read = labels()
    silent = {name_of(row) for row in ROWS if row["blob_id"] not in read and language_of(row) != "Text"}
    assert silent == UNANSWERED | set(DROPPED)


# -- planted ----------------------------------------------------------------------------------------------------------


def test_one_file_stands_twice():
    twice = [blob for blob, number in Counter(row["blob_id"] for row in ROWS).items() if number > 1]
    rows = [row for row in ROWS if row["blob_id"] in twice]
    assert {row["repo_name"] for row in rows} == {"mirela-dev/webgarden", "copper-kettle/shopfront"}


def test_one_class_is_nearly_equal_in_three_repositories():
    texts = {row["blob_id"]: (row["path"], shingles(text_of(row))) for row in ROWS if language_of(row) != "Text"}
    pairs = itertools.combinations(texts.values(), 2)
    near = [(a[0], b[0]) for a, b in pairs if len(a[1] & b[1]) >= 0.5 * len(a[1] | b[1])]
    assert {path.rsplit("/", 1)[-1] for pair in near for path in pair} == {"MovingAverage.java"}
    rows = [row for row in ROWS if name_of(row) == "MovingAverage.java"]
    for a, b in itertools.combinations(rows, 2):
        one, other = shingles(text_of(a)), shingles(text_of(b))
        assert len(one & other) / len(one | other) > 0.85  # found by 25 x 10, whose threshold is 0.7
    read = labels()
    assert len({read[row["blob_id"]] for row in rows}) == 1
    stars = {"".join(row["detected_licenses"] or ["none"]): row["star_events_count"] for row in rows}
    assert stars.keys() == {"Apache-2.0", "GPL-3.0-or-later", "none"}
    assert stars["Apache-2.0"] == min(stars.values())  # and yet it is the one to keep


def test_secrets_stand_in_two_files_and_are_no_plain_text_of_the_sources():
    sources = (SAMPLE / "files.jsonl").read_text(encoding="utf-8")
    for name, starts in SECRETS.items():
        text = text_of(only(name))
        assert all(start in text for start in starts)
        assert EMAIL in text
        assert not any(start in sources for start in starts)


def test_secrets_and_addresses_are_found_by_their_form():
    pytest.importorskip("detect_secrets")
    from curation.text.personal import find_personal
    from curation.text.secrets import find_secrets

    found = {name_of(row): len(find_secrets(text_of(row), row["path"])) for row in ROWS}
    assert {name: number for name, number in found.items() if number} == {"settings.py": 3, "sync_stock.py": 1}
    kinds = {name_of(row): [span.kind for span in find_personal(text_of(row))] for row in ROWS}
    assert {name: kind for name, kind in kinds.items() if kind} == {
        "settings.py": ["email", "ip"],
        "sync_stock.py": ["email"],
    }


def test_one_file_carries_the_benchmark():
    items = json_lines("benchmark-code.jsonl")
    assert [item["id"] for item in items] == [f"sample_code/{number}" for number in range(4)]
    squeezed = {name_of(row): re.sub(r"\s", "", text_of(row)) for row in ROWS}
    for item in items:
        # only whitespace and the place of the import differ
        task = re.sub(r"\s", "", item["question"].split("\n\n\n")[-1])
        hits = [name for name, text in squeezed.items() if task in text]
        assert hits == ([CONTAMINATED] if item["id"] == "sample_code/0" else [])


def test_the_answers_of_the_benchmark_are_right():
    import doctest

    for item in json_lines("benchmark-code.jsonl"):
        scope = {}
        exec(item["question"] + item["answer"], scope)
        runner = doctest.DocTestRunner(verbose=False)
        name = re.search(r"def (\w+)", item["question"])[1]
        for test in doctest.DocTestFinder().find(scope[name], name, globs=scope):
            runner.run(test)
        assert runner.summarize(verbose=False) == (0, 2)
