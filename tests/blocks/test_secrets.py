import random
import string
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curation.blocks.published_beside import rows_of
from curation.blocks.secrets import MaskSecrets
from curation.blocks.step import bind
from curation.errors import ConfigError
from curation.recipe import folder_of

from .conftest import document, shared, write_parquet

pytest.importorskip("detect_secrets", reason="the detector is not installed: pip install curation[code]")


def drawn(length, letters=string.ascii_letters + string.digits):
    return "".join(random.Random(length).choices(letters, k=length))


# In pieces, so that nobody's scanner takes them for keys.
PLANTED = {
    "github": "gh" + "p_" + drawn(36),
    "google": "AI" + "za" + drawn(35),
    "password": "tRoUbl3" + "som3Eng1n3s",
    "block": drawn(64) + "\n" + drawn(63) + "=",
}
FILES = [
    {"id": "py", "path": "src/a.py", "text": f"import os\n\nTOKEN = '{PLANTED['github']}'\n"},
    {"id": "yaml", "path": "conf/b.yaml", "text": f"user: ann\npassword: {PLANTED['password']}\n"},
    {
        "id": "pem",
        "path": "keys/c.pem",
        "text": f"-----BEGIN PRIVATE KEY-----\n{PLANTED['block']}\n-----END PRIVATE KEY-----\n",
    },
    {"id": "js", "path": "web/d.js", "text": f"f('{PLANTED['google']}')\nf('{PLANTED['google']}')\n"},
    {"id": "clean", "path": "src/e.py", "text": "password = 'password'\n"},
]


def files(tmp_path):
    return [write_parquet(tmp_path / "code.parquet", FILES)]


def everything_written(folder):
    """All values of all files, as text: parquet is compressed."""
    for path in Path(folder).rglob("*"):
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            yield from (str(value) for column in table.itercolumns() for value in column.to_pylist())
            yield str(pq.read_metadata(path).to_dict())  # statistics hold the least and the greatest value
        elif path.is_file():
            yield path.read_text()


@pytest.mark.parametrize("treatment", ["mask", "drop"])
def test_no_planted_value_stands_anywhere_in_the_output(stage, tmp_path, treatment):
    step = MaskSecrets(secrets=treatment, report=f"{stage.folder.location}/report")
    step.check()
    kept = stage.run(files(tmp_path), step)
    pieces = [piece for value in PLANTED.values() for piece in value.split("\n")]
    written = list(everything_written(stage.folder.root))
    assert len(written) > 20
    assert [piece for piece in pieces for text in written if piece in text] == []
    assert [row["id"] for row in kept] == (["py", "yaml", "pem", "js", "clean"] if treatment == "mask" else ["clean"])
    assert {row["reason"] for row in stage.rows()} == ({"secret"} if treatment == "drop" else set())
    assert [tuple(row.values()) for row in rows_of(step.report)] == [
        ("py", "src/a.py", 3, "github_token", treatment),
        ("yaml", "conf/b.yaml", 2, "password", treatment),
        ("pem", "keys/c.pem", 2, "private_key", treatment),
        ("js", "web/d.js", 1, "google_key", treatment),
        ("js", "web/d.js", 2, "google_key", treatment),
    ]
    assert stage.records[0]["counts"] == {
        "secrets_documents": 4,
        "secrets_github_token": 1,
        "secrets_google_key": 2,
        "secrets_password": 1,
        "secrets_private_key": 1,
    }


def test_masks_are_those_of_starcoder_and_a_second_run_finds_nothing(stage, tmp_path):
    kept = stage.run(files(tmp_path), MaskSecrets())
    assert kept[0]["text"] == "import os\n\nTOKEN = '<KEY>'\n"
    assert kept[1]["text"] == "user: ann\npassword: <PASSWORD>\n"
    assert [row["secrets"] for row in kept[:2]] == ['{"github_token": 1}', '{"password": 1}']
    again = list(MaskSecrets().run([document(text=row["text"], path=row["path"]) for row in kept]))
    assert [doc.text for doc in again] == [row["text"] for row in kept]
    assert {doc.metadata["secrets"] for doc in again} == {None}


def test_off_leaves_the_text_but_for_own_patterns(tmp_path):
    (tmp_path / "own.yaml").write_text("host: '\\w+\\.corp\\.internal'\n")
    text = f"connect('db.corp.internal', '{PLANTED['github']}')"
    off = MaskSecrets(secrets="off", patterns=str(tmp_path / "own.yaml"))
    off.check()
    assert [doc.text for doc in off.run([document(text=text)])] == [text.replace("db.corp.internal", "<HOST>")]
    both = MaskSecrets(patterns=str(tmp_path / "own.yaml"))
    assert [doc.text for doc in both.run([document(text=text)])] == ["connect('<HOST>', '<KEY>')"]


def test_allowed_values_stay(tmp_path):
    (tmp_path / "allowed.txt").write_text(f"{PLANTED['password']}\nre: ghp_.*\n")
    step = MaskSecrets(allowed=str(tmp_path / "allowed.txt"))
    docs = [document(text=file["text"], identifier=file["id"], path=file["path"]) for file in FILES]
    assert [doc.metadata["secrets"] for doc in step.run(docs)] == [
        None,
        None,
        '{"private_key": 1}',
        '{"google_key": 2}',
        None,
    ]


def test_the_report_lies_beside_the_stage_that_is_being_made():
    step = MaskSecrets(report=folder_of("mask", "report"))
    assert bind(step, "/out").report == "/out/mask/report"
    assert bind(step, "/out", {"mask": "/out/.mask.new"}).report == "/out/.mask.new/report"


def test_settings_that_cannot_be_are_named():
    with pytest.raises(ConfigError, match="MaskSecrets: secrets: expected mask, drop or off, got 'hide'"):
        MaskSecrets(secrets="hide").check()


def test_real_code_goes_through(stage):
    table = shared("code/code_files.parquet")
    kept = stage.run([table], MaskSecrets(), mapping={"text": "content", "id": "blob_id"})
    assert len(kept) == 3367
    assert stage.records[0]["counts"] == {"secrets_documents": 1, "secrets_password": 2}
