from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import ConfigError
from curation.text.licence_texts import (
    combined,
    is_licence_file,
    known_alone,
    licences_of_file,
    licences_of_text,
    manifest_licences,
    spdx_lines,
)
from curation.text.licences import (
    GROUPS,
    UNKNOWN,
    is_permissive,
    licence_excluded,
    licence_ids,
    licence_list,
    licence_matches,
    licence_names,
    licence_table,
    license_type,
    spdx_id,
)

UNKNOWN_REFERENCE = "LicenseRef-scancode-unknown-license-reference"
MIT = """Copyright (c) 2020 Somebody

# Permission is hereby granted, free of charge, to any person
# obtaining a copy of this software and associated documentation files (the "Software"),
# to deal in the Software without restriction, including ...
# The above copyright notice and this permission notice shall be included in all copies."""


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("mit", "MIT"),
        ("MIT License", "MIT"),
        ("The MIT License", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("apache 2.0", "Apache-2.0"),
        ("gpl-3.0", "GPL-3.0-only"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("bsl-1.0", "BSL-1.0"),
        ("new BSD license", "BSD-3-Clause"),
        ("other:COPYING", UNKNOWN),
        ("other", UNKNOWN),
        ("Our Own Terms", "Our Own Terms"),
        ("unlicense", "Unlicense"),
        ("UNLICENSED", "LicenseRef-proprietary"),
    ],
)
def test_usual_spellings_are_one_identifier(given, named):
    assert spdx_id(given) == named


@pytest.mark.parametrize(
    ("detected", "listed"),
    [
        (None, []),
        ("", []),
        ([], []),
        ([None, "MIT"], ["MIT"]),
        ("no_license", []),
        ("NOASSERTION", []),
        ("MIT", ["MIT"]),
        ("MIT, Apache 2.0", ["MIT", "Apache-2.0"]),
        ('["MIT", null]', ["MIT"]),
        ("['MIT', 'ISC']", ["MIT", "ISC"]),
        ("MIT/Apache-2.0", ["MIT OR Apache-2.0"]),
        ("mit and apache-2.0", ["MIT", "Apache-2.0"]),
        ("(MIT OR GPL-2.0) AND ISC", ["MIT OR GPL-2.0-only", "ISC"]),
        (["MIT", "mit"], ["MIT"]),
        ("Apache License, Version 2.0", ["Apache-2.0"]),
    ],
)
def test_licences_as_a_list(detected, listed):
    assert licence_list(detected) == listed


@pytest.mark.parametrize(
    ("detected", "github", "group"),
    [
        ([], None, "no_license"),
        (None, "", "no_license"),
        (["MIT"], None, "permissive"),
        (["MIT", "GPL-3.0"], None, "non_permissive"),
        (["MIT OR GPL-2.0-only"], None, "permissive"),
        (["MIT AND GPL-2.0-only"], None, "non_permissive"),
        (["Apache-2.0 AND MIT"], None, "permissive"),
        (["Apache-2.0 WITH LLVM-exception"], None, "permissive"),
        (["GPL-2.0-only WITH Classpath-exception-2.0"], None, "non_permissive"),
        (["(MIT OR GPL-2.0-only) AND (ISC OR AGPL-3.0-only)"], None, "permissive"),
        (["MIT", UNKNOWN_REFERENCE], None, "permissive"),
        ([UNKNOWN_REFERENCE], None, "non_permissive"),
        (["LicenseRef-scancode-generic-cla"], None, "no_license"),
        (["MIT", "LicenseRef-scancode-warranty-disclaimer"], None, "permissive"),
        (["GPL-3.0", "LicenseRef-scancode-warranty-disclaimer"], None, "non_permissive"),
        (["GPL-3.0"], "mit", "permissive"),
        (["MIT"], "gpl-3.0", "non_permissive"),
        ([], "MIT", "permissive"),
        ([], "NOASSERTION", "non_permissive"),
        ([], "other", "non_permissive"),
        (["MIT"], "other", "permissive"),
        ("other:COPYING", None, "non_permissive"),
        (["RSAL/SSPL/AGPL"], None, "non_permissive"),
        (["(MIT"], None, "non_permissive"),
        (["MIT OR"], None, "non_permissive"),
    ],
)
def test_the_group(detected, github, group):
    assert license_type(detected, github) == group


def test_what_a_file_may_be_used_under():
    assert licence_matches(["MIT"], "permissive", ["permissive"])
    assert licence_matches(["GPL-3.0-or-later"], "non_permissive", ["gpl-3.0"])
    assert not licence_matches(["GPL-3.0-or-later"], "non_permissive", ["GPL-3.0-only"])
    assert licence_matches([], None, ["no_license"])
    assert not licence_matches([], None, ["MIT"])
    assert not licence_matches(["MIT", "GPL-3.0-only"], "non_permissive", ["MIT"])
    assert licence_matches(["MIT", "LicenseRef-scancode-generic-cla"], "permissive", ["mit"])
    assert licence_matches(["MIT OR GPL-3.0-only"], "permissive", ["GPL-3.0"])
    assert licence_matches(["GPL-3.0-only"], "non_permissive", ["other"])


def test_what_cannot_be_used_without_a_licence():
    assert licence_excluded(["MIT", "GPL-3.0-only"], "non_permissive", ["GPL-3.0"])
    assert not licence_excluded(["MIT OR GPL-3.0-only"], "permissive", ["GPL-3.0"])
    assert licence_excluded([], "no_license", ["no_license"])
    assert not licence_excluded(["MIT"], "permissive", [])


@pytest.mark.parametrize(("name", "near"), [("permisive", "permissive"), ("MTI", "MIT")])
def test_a_slip_in_a_name_is_told(name, near):
    with pytest.raises(ConfigError, match=f"{name!r} is neither a group nor an SPDX identifier .*{near}"):
        licence_names([name])


def test_the_table_holds_together():
    table = licence_table()
    names = set(table["spelling"].values()) | {UNKNOWN}
    own = {"LicenseRef-proprietary", "LicenseRef-public-domain"}
    assert set(table["aliases"].values()) - own <= names
    assert set(table["texts"]) - own <= names
    assert {part for parts in table["parts"].values() for part in parts} | set(table["parts"]) <= set(table["texts"])
    assert not table["permissive"] & set(table["others"])
    for groups in table["texts"].values():
        for phrase in (phrase for group in groups for phrase in group):
            assert phrase == " ".join(phrase.lower().split())
            assert phrase.replace(" ", "").isalnum()


names = st.sampled_from(["MIT", "Apache-2.0", "GPL-3.0-only", "LGPL-2.1-only", "ISC"])
trees = st.recursive(names, lambda inner: st.tuples(st.sampled_from(["AND", "OR"]), inner, inner), max_leaves=8)


def written(tree):
    return tree if isinstance(tree, str) else f"({written(tree[1])} {tree[0]} {written(tree[2])})"


def holds(tree):
    if isinstance(tree, str):
        return tree in ("MIT", "Apache-2.0", "ISC")
    return (all if tree[0] == "AND" else any)(map(holds, tree[1:]))


def leaves(tree):
    return {tree} if isinstance(tree, str) else leaves(tree[1]) | leaves(tree[2])


@given(trees)
def test_an_expression_means_what_it_says(tree):
    text = written(tree)
    assert is_permissive(text) == holds(tree)
    assert (license_type([text]) == "permissive") == holds(tree)
    assert set(licence_ids(text)) == leaves(tree)


@given(st.one_of(st.text(), st.lists(st.text())))
def test_any_value_has_a_group(value):
    assert license_type(value) in GROUPS
    assert licence_list(licence_list(value)) is not None


@given(st.text(alphabet="(MITANDOR )", max_size=60))
def test_a_broken_expression_is_not_an_error(text):
    assert license_type([text]) in GROUPS


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# SPDX-License-Identifier: MIT\n", ["MIT"]),
        ("/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */", ["GPL-2.0-only WITH Linux-syscall-note"]),
        ("<!-- SPDX-License-Identifier: (MIT OR Apache-2.0) -->", ["MIT OR Apache-2.0"]),
        ("// SPDX-License-Identifier: Apache-2.0 AND MIT", ["Apache-2.0", "MIT"]),
        ("// SPDX-License-Identifier: Apache-2.0 OR MIT // see NOTICE", ["Apache-2.0 OR MIT"]),
        ("# SPDX-License-Identifier: MIT  # noqa: D100", ["MIT"]),
        ("x = 1\n" * 49 + "# SPDX-License-Identifier: MIT", ["MIT"]),
        ("x = 1\n" * 50 + "# SPDX-License-Identifier: MIT", []),
        ("# SPDX-License-Identifier: MIT\n# SPDX-License-Identifier: ISC", ["MIT", "ISC"]),
        ("# SPDX-License-Identifier: \n", []),
        ("SPDX-License-Identifier: {name}", []),
        ("print('no licence')", []),
    ],
)
def test_lines_of_spdx(text, found):
    assert spdx_lines(text) == found


@pytest.mark.parametrize(
    "name",
    ["LICENSE", "LICENCE", "License.txt", "LICENSE-MIT", "MIT-LICENSE.txt", "COPYING", "COPYING.LESSER", "UNLICENSE",
     "COPYING3", "NOTICE", "license.md", "LICENSE.APACHE2", "LICENSES", "EULA.txt", "GPL-3.txt"],
)  # fmt: skip
def test_names_of_licence_files(name):
    assert is_licence_file(name)


@pytest.mark.parametrize("name", ["license.py", "licenses.json", "main.c", "README", "copying_machine", "LICENSE.html"])
def test_names_of_other_files(name):
    assert not is_licence_file(name)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (MIT, ["MIT"]),
        ("MIT License", ["MIT"]),
        ("License: Apache-2.0\n", ["Apache-2.0"]),
        ("GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007", ["GPL-3.0-only"]),
        ("GNU LESSER GENERAL PUBLIC LICENSE Version 3, 29 June 2007 ... GNU GENERAL PUBLIC LICENSE Version 3, 29 June "
         "2007", ["LGPL-3.0-only"]),
        ("under the terms of the GNU General Public License as published by the Free Software Foundation; either "
         "version 2 of the License, or (at your option) any later version.", ["GPL-2.0-or-later"]),
        ("under the GNU Lesser General Public License, version 2.1", ["LGPL-2.1-only"]),
        ("Licensed under either of the Apache License, Version 2.0 or the MIT license at your option",
         ["MIT OR Apache-2.0"]),
        (MIT + "\nThe Software shall be used for Good, not Evil.", ["JSON"]),
        ("SPDX-License-Identifier: MIT", ["MIT"]),
        ("nothing of the kind", []),
    ],
)  # fmt: skip
def test_licences_by_their_words(text, found):
    assert licences_of_text(text) == found


def test_a_licence_that_nobody_knows_is_not_none():
    terms = "You may look at this but only on Tuesdays. " * 20
    assert licences_of_file("LICENSE", terms) == [UNKNOWN]
    assert licences_of_file("NOTICE", terms) == []
    assert licences_of_file("LICENSE", "see the other file") == []
    assert license_type([UNKNOWN]) == "non_permissive"


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("package.json", '{"license": "MIT"}', ["MIT"]),
        ("package.json", '{"license": {"type": "ISC"}}', ["ISC"]),
        ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "GPL-2.0"}]}', ["MIT OR GPL-2.0-only"]),
        ("package.json", '{"license": "SEE LICENSE IN x"}', []),
        ("package.json", "{broken", []),
        ("package.json", "[1]", []),
        ("Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"', ["MIT OR Apache-2.0"]),
        ("pyproject.toml", '[project]\nlicense = "BSD-3-Clause"', ["BSD-3-Clause"]),
        ("pyproject.toml", '[project]\nlicense = {text = "MIT License"}', ["MIT"]),
        ("pyproject.toml", '[project]\nlicense = {file = "LICENSE"}', []),
        ("pyproject.toml", '[project]\nclassifiers = ["License :: OSI Approved :: MIT License"]', ["MIT"]),
        ("pyproject.toml", '[tool.poetry]\nlicense = "MIT"', ["MIT"]),
        ("pyproject.toml", "=", []),
    ],
)
def test_the_field_of_a_package(name, text, found):
    assert manifest_licences(name, text) == found


def test_a_description_says_how_the_files_belong_together():
    assert combined([["MIT"], ["Apache-2.0"]], [["MIT OR Apache-2.0"]]) == ["MIT OR Apache-2.0"]
    assert combined([["MIT"], ["Apache-2.0"]], []) == ["MIT", "Apache-2.0"]
    assert combined([["GPL-3.0-only"]], [["GPL-3.0-or-later"]]) == ["GPL-3.0-or-later"]
    assert combined([["BSD-3-Clause"]], [["MIT"]]) == ["MIT", "BSD-3-Clause"]
    assert combined([[UNKNOWN]], [["MIT"]]) == ["MIT"]
    assert combined([[UNKNOWN]], []) == [UNKNOWN]


def test_texts_of_installed_packages():
    installed = {
        "numpy": "BSD-3-Clause",
        "datatrove": "Apache-2.0",
        "pytest": "MIT",
        "rich": "MIT",
        "pyarrow": "Apache-2.0",
        "hypothesis": "MPL-2.0",
    }
    site = Path(pytest.__file__).resolve().parents[1]
    compared = 0
    for package, licence in installed.items():
        for folder in site.glob(f"{package}-*.dist-info"):
            files = [path for path in folder.rglob("LICEN[SC]E*") if path.is_file()]
            found = [name for path in files for name in licences_of_file(path.name, path.read_text(errors="replace"))]
            assert licence in found or not files, (package, found)
            compared += bool(files)
    if not compared:
        pytest.skip("no licence texts beside the installed packages")


@pytest.mark.parametrize(
    ("found", "known"),
    [
        (["MIT"], ["MIT"]),
        (["MIT OR ghp_abc", "Apache-2.0"], ["MIT OR LicenseRef-unknown", "Apache-2.0"]),
        (["write to ann@uni.edu", "Ann AND MIT"], ["LicenseRef-unknown", "MIT"]),
        (["GPL-2.0-only WITH Classpath-exception-2.0"], ["GPL-2.0-only WITH Classpath-exception-2.0"]),
        (["GPL-2.0-only WITH ghp_abc"], ["GPL-2.0-only WITH LicenseRef-unknown"]),
        (["LicenseRef-MyCompany", "LicenseRef-ghp_8abc"], ["LicenseRef-MyCompany", "LicenseRef-unknown"]),
        ([], []),
    ],
)
def test_what_no_list_has_is_unknown(found, known):
    assert known_alone(found) == known
    assert known_alone(known) == known
