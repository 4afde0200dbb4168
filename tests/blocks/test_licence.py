import uuid

import fsspec
import pyarrow as pa
import pytest

from curation.blocks.contents import ReadContents
from curation.blocks.keeping import keep_order
from curation.blocks.licence import KeepLicence, ReadLicence
from curation.blocks.read import read_files
from curation.errors import ConfigError
from curation.folder import list_inputs

from .conftest import Kept, document, shared, write_jsonl

MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy to deal in the Software without "
    "restriction. The above copyright notice and this permission notice shall be included in all copies."
)
GPL = "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007"


def licensed(*docs, **settings):
    step = ReadLicence(**settings)
    found = list(step.run(iter(docs)))
    columns = ("detected_licenses", "license_type", "licence_source")
    return [tuple(doc.metadata[name] for name in columns) for doc in found], step


def in_folder(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def of_folder(location):
    """Path -> licences, group and source of the files of a folder."""
    docs = list(read_files([file.path for file in list_inputs(f"files:{location}")]))
    found, _ = licensed(*docs)
    return {doc.metadata["path"]: one for doc, one in zip(docs, found, strict=True)}


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"detected_licenses": ["MIT", "apache-2.0"]}, (["MIT", "Apache-2.0"], "permissive", "column")),
        ({"detected_licenses": "MIT"}, (["MIT"], "permissive", "column")),
        ({"detected_licenses": '["MIT"]'}, (["MIT"], "permissive", "column")),
        ({"detected_licenses": [], "license_type": "no_license"}, ([], "no_license", "column")),
        ({"detected_licenses": ["GPL-3.0"], "license_type": "permissive"}, (["GPL-3.0-only"], "permissive", "column")),
        ({"detected_licenses": ["MIT"], "license_type": "odd"}, (["MIT"], "permissive", "column")),
        ({"license": "other:COPYING"}, (["LicenseRef-unknown"], "non_permissive", "column")),
        ({"license": "RSAL/SSPL/AGPL"}, (["RSAL/SSPL/AGPL"], "non_permissive", "column")),
        ({"license": None}, ([], "no_license", None)),
        ({"detected_licenses": None, "licenses": ["isc"]}, (["ISC"], "permissive", "column")),
        ({"detected_licenses": [], "gha_license_id": "gpl-3.0"}, ([], "non_permissive", None)),
        ({}, ([], "no_license", None)),
    ],
)
def test_what_a_table_says_holds(row, found):
    assert licensed(document("x = 1", **row))[0] == [found]


def test_a_line_of_spdx_holds_where_the_table_says_nothing():
    doc = document("// SPDX-License-Identifier: MIT OR GPL-2.0\nint x;")
    assert licensed(doc)[0] == [(["MIT OR GPL-2.0-only"], "permissive", "spdx_line")]


def test_the_nearest_folder_with_a_licence_holds(tmp_path):
    files = {
        "LICENSE": MIT,
        "a.py": "1",
        "src/deep/b.py": "2",
        "src/spdx.py": "# SPDX-License-Identifier: ISC\n",
        "third/COPYING": GPL,
        "third/c.c": "3",
        "third/inner/d.c": "4",
        "third/free/LICENSE-MIT": MIT,
        "third/free/LICENSE-APACHE": "Apache License Version 2.0, January 2004",
        "third/free/e.rs": "5",
        "odd/LICENSE": "You may look at it on Tuesdays only. " * 20,
        "odd/f.py": "6",
    }
    found = of_folder(in_folder(tmp_path, files))
    assert found["a.py"] == found["src/deep/b.py"] == found["LICENSE"] == (["MIT"], "permissive", "file")
    assert found["src/spdx.py"] == (["ISC"], "permissive", "spdx_line")
    assert found["third/c.c"] == found["third/inner/d.c"] == (["GPL-3.0-only"], "non_permissive", "file")
    assert found["third/free/e.rs"] == (["Apache-2.0", "MIT"], "permissive", "file")
    assert found["odd/f.py"] == (["LicenseRef-unknown"], "non_permissive", "file")


def test_a_package_says_that_one_may_choose(tmp_path):
    files = {
        "Cargo.toml": '[package]\nlicense = "MIT OR GPL-3.0"\n',
        "LICENSE-MIT": MIT,
        "LICENSE-GPL": GPL,
        "src/a.rs": "1",
        "js/package.json": '{"license": "ISC"}',
        "js/b.js": "2",
    }
    found = of_folder(in_folder(tmp_path, files))
    assert found["src/a.rs"] == (["MIT OR GPL-3.0-only"], "permissive", "file")
    assert found["js/b.js"] == (["ISC"], "permissive", "file")


def test_a_folder_of_licences_as_reuse_has_it(tmp_path):
    found = of_folder(in_folder(tmp_path, {"LICENSES/MIT.txt": MIT, "LICENSES/GPL-3.0-or-later.txt": GPL, "a.py": "1"}))
    assert found["a.py"] == (["GPL-3.0-only", "MIT"], "non_permissive", "file")


def test_what_somebody_wrote_in_the_place_of_a_licence_is_not_repeated(tmp_path):
    files = {
        "LICENSE": "SPDX-License-Identifier: ghp_abc123\n",
        "a.py": "1",
        "js/package.json": '{"license": "ask ann@uni.edu"}',
        "js/b.js": "2",
        "js/c.js": "// SPDX-License-Identifier: MIT OR ghp_abc123\n",
    }
    found = of_folder(in_folder(tmp_path, files))
    assert found["a.py"] == (["LicenseRef-unknown"], "non_permissive", "file")
    assert found["js/b.js"] == (["LicenseRef-unknown"], "non_permissive", "file")
    assert found["js/c.js"] == (["MIT OR LicenseRef-unknown"], "permissive", "spdx_line")


def test_a_checkout_does_not_inherit_from_the_folder_that_it_lies_in(tmp_path):
    in_folder(tmp_path, {"LICENSE": MIT, "a.py": "1", "sub/b.py": "2", "sub/.git/HEAD": "x"})
    found = of_folder(tmp_path)
    assert found["a.py"][1] == "permissive"
    assert found["b.py"] == ([], "no_license", None)


def test_licences_on_a_store():
    place = f"memory://{uuid.uuid4().hex}/repo"
    fs = fsspec.filesystem("memory")
    for name, content in {"LICENSE": MIT, "src/a.py": "1"}.items():
        fs.pipe_file(f"{place}/{name}", content.encode())
    assert of_folder(place)["src/a.py"] == (["MIT"], "permissive", "file")


def test_a_folder_is_listed_once(tmp_path, monkeypatch):
    in_folder(tmp_path, {"LICENSE": MIT} | {f"src/{part}/{n}.py": "1" for part in range(5) for n in range(20)})
    listed = []
    import curation.blocks.licence as module

    original = module._of_folder
    monkeypatch.setattr(module, "_of_folder", lambda location: listed.append(location) or original(location))
    assert len(of_folder(tmp_path)) == 101
    assert sorted(listed) == sorted({str(tmp_path), f"{tmp_path}/src", *(f"{tmp_path}/src/{n}" for n in range(5))})


def kept(rows, **settings):
    step = KeepLicence(**settings)
    step.exclusion_writer = dropped = Kept()
    return [doc.id for doc in step.run(iter(rows))], dropped.rows


def files():
    named = {
        "mit": ["MIT"],
        "gpl": ["GPL-3.0-only"],
        "none": [],
        "both": ["MIT OR GPL-3.0-only"],
        "all": ["MIT", "GPL-3.0-only"],
    }
    docs = [document("x", name, detected_licenses=licences) for name, licences in named.items()]
    licensed(*docs)
    return docs


@pytest.mark.parametrize(
    ("settings", "stay"),
    [
        ({}, ["mit", "none", "both"]),
        ({"keep": ("permissive",)}, ["mit", "both"]),
        ({"keep": ("MIT",)}, ["mit", "both"]),
        ({"keep": ("MIT", "GPL-3.0")}, ["mit", "gpl", "both", "all"]),
        ({"keep": ("other",)}, ["gpl", "all"]),
        ({"keep": (), "exclude": ("gpl-3.0",)}, ["mit", "none", "both"]),
        ({"keep": (), "exclude": ("no_license",)}, ["mit", "gpl", "both", "all"]),
        ({"keep": ()}, ["mit", "gpl", "none", "both", "all"]),
    ],
)
def test_licences_that_are_wanted(settings, stay):
    assert kept(files(), **settings)[0] == stay


def test_what_is_dropped_says_its_licence():
    _, dropped = kept(files())
    assert [(row["id"], row["filter_reason"], row["licence"]) for row in dropped] == [
        ("gpl", "licence_not_wanted", "GPL-3.0-only"),
        ("all", "licence_not_wanted", "MIT AND GPL-3.0-only"),
    ]
    assert kept(files(), keep=("MIT",))[1][1]["licence"] == "no_license"


def test_a_slip_is_told_before_any_work():
    with pytest.raises(ConfigError, match="did you mean 'permissive'"):
        KeepLicence(keep=("permisive",))
    with pytest.raises(ConfigError, match="no column 'license_type'"):
        KeepLicence().schema({"id": pa.string(), "text": pa.string()})


def test_the_steps_in_a_stage(stage, tmp_path):
    rows = [
        {"id": "a", "text": "x", "detected_licenses": "MIT"},
        {"id": "b", "text": "x", "detected_licenses": "GPL-3.0"},
        {"id": "c", "text": "x\0", "detected_licenses": "MIT"},
        {"id": "d", "text": None, "detected_licenses": "MIT"},
    ]
    found = stage.run([write_jsonl(tmp_path / "a.jsonl", rows)], ReadContents(), ReadLicence(), KeepLicence())
    assert [(row["id"], row["detected_licenses"], row["licence_source"]) for row in found] == [("a", ["MIT"], "column")]
    assert {row["id"]: row["reason"] for row in stage.rows()} == {
        "b": "licence_not_wanted",
        "c": "binary",
        "d": "no_text",
    }
    assert stage.schema()["detected_licenses"] == pa.list_(pa.string())


def test_a_list_keeps_its_type():
    kind = pa.large_list(pa.large_string())
    assert ReadLicence().schema({"detected_licenses": kind})["detected_licenses"] == kind


def test_of_duplicates_the_permissive_one_is_first():
    values = ["non_permissive", None, "no_license", "permissive", "MIT", "GPL-3.0", "MIT OR GPL-3.0"]
    table = pa.table({"text": ["x"] * len(values), "licence": values})
    order = keep_order(("permissive:licence",), table)[:, 0].tolist()
    assert order == [2, 1, 1, 0, 0, 2, 0]


def test_licences_of_real_files():
    docs = list(read_files([str(shared("code/code_files.parquet"))], {"text": "content"}))
    found, step = licensed(*docs)
    assert step.counts["licence_permissive"] > 2400
    said = {doc.metadata["license"]: one[1] for doc, one in zip(docs, found, strict=True) if one[2] == "column"}
    assert said == {
        "MIT": "permissive", "Apache-2.0": "permissive", "GPL-3.0": "non_permissive", "LGPL": "non_permissive",
        "AGPL-3.0": "non_permissive", "RSAL/SSPL/AGPL": "non_permissive", "CC": "non_permissive",
        "other:COPYING": "non_permissive", "other:LICENSE": "non_permissive",
    }  # fmt: skip
