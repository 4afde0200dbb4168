from collections import Counter
from pathlib import Path

import pytest

from curation.text.code_identity import identify

CODE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "code" / "code_files.parquet"


@pytest.fixture(scope="module")
def files():
    if not CODE.is_file():
        pytest.skip(f"real data not on this machine: {CODE}")
    import pyarrow.parquet as pq

    return pq.read_table(CODE, columns=["repo", "path", "language", "content"]).to_pylist()


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("a.h", "#ifndef A_H\nstruct list;\nint f(struct list *);\n", "C"),
        ("a.h", "#include <stdio.h>\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n", "C"),
        ("a.h", "#include <vector>\n", "C++"),
        ("a.h", "class A {\r\npublic:\r\n  int x;\r\n};\r\n", "C++"),
        ("a.h", "namespace a { struct B; }\n", "C++"),
        ("a.h", "struct A : public B {};\n", "C++"),
        ("a.h", "struct a { unsigned b : 3; };\nenum class_kind { X };\n", "C"),
        ("a.h", "/* -*- Mode: C++ -*- */\nstruct a;\n", "C++"),
        ("a.h", "#import <Foundation/Foundation.h>\n@interface A : NSObject\n@end\n", "Objective-C"),
        ("de.ts", "<?xml version=\"1.0\"?>\n<!DOCTYPE TS>\n<TS version=\"2.1\" language=\"de\">\n</TS>", "XML"),
        ("de.ts", "<!DOCTYPE TS><TS>\n", "XML"),
        ("a.ts", "export const x: Array<TS> = [];\n", "TypeScript"),
        ("a.ts", "#!/usr/bin/env node\nconst a: number = 1;\n", "TypeScript"),
        ("movie.ts", "G@\0\x10\0\0\xb0\r" * 30, None),
        ("map.tsx", "<?xml version=\"1.0\"?>\n<tileset name=\"x\"/>", "XML"),
        ("a.tsx", "export const A = () => <b/>;", "TypeScript"),
        ("a.sql", "CREATE TABLE a (id int);\n", "SQL"),
        ("a.sql", "DECLARE @x INT;\nGO\n", "SQL"),
        ("a.sql", "CREATE OR REPLACE PACKAGE BODY x AS\nEND;\n/\n", "SQL"),
        ("a.sql", "PGDMP\x01\x0e\x02", None),
        ("a.sql", "SQLite format 3\0", None),
        ("a.md", "# Title\n", "Markdown"),
        ("i386.md", ";; GCC machine description\n(define_insn \"x\")\n", "GCC Machine Description"),
        ("a.php", "<?php echo 1;", "PHP"),
        ("a.php", "<?hh // strict\n", "Hack"),
        ("a.inc", "<?php\n$x = 1;\n", "PHP"),
        ("a.inc", "#define X 1\n", "C++"),
        ("a.inc", "some words\n", None),
        ("a.cs", "using System;\nclass A {}\n", "C#"),
        ("a.cs", "!Object methodsFor: 'x'!\n", "Smalltalk"),
        ("a.rs", "//! A crate\nuse std::fmt;\n", "Rust"),
        ("a.rs", "#pragma version(1)\n#pragma rs java_package_name(x)\n", "RenderScript"),
        ("a.rs", "<?xml version='1.0'?>\n", "XML"),
        ("a.pl", "use strict;\nmy $x = 1;\n", "Perl"),
        ("a.pl", "parent(X, Y) :- child(Y, X).\n", "Prolog"),
        ("a.pl", "#!/usr/bin/swipl\nmain.\n", "Prolog"),
        ("a.m", "@implementation A\n@end\n", "Objective-C"),
        ("a.m", "% a matrix\nx = [1 2];\n", "MATLAB"),
        ("a.m", "(* ::Package:: *)\nf[x_] := x\n", "Mathematica"),
        ("a.r", "x <- 1\n", "R"),
        ("a.R", "plot(1)\n", "R"),
        ("a.r", "REBOL [Title: \"x\"]\n", "Rebol"),
        ("a.v", "Require Import Arith.\nProof. Qed.\n", "Rocq Prover"),
        ("a.v", "module top(input clk);\nendmodule\n", "Verilog"),
        ("a.v", "module main\n\nfn main() {\n}\n", "V"),
        ("a.v", "fn main() {\n}\n", "V"),
        ("a.d", "module a;\nimport std.stdio;\n", "D"),
        ("a.d", "obj/a.o: a.c a.h\n", "Makefile"),
        ("a.fs", "module A\nlet x = 1\n", "F#"),
        ("a.fs", "#version 330\nvoid main() {}\n", "GLSL"),
        ("a.fs", ": square dup * ;\n", "Forth"),
        ("notes.txt", "words\n", "Text"),
        ("x.txt", "*x.txt* words\n\n vim:tw=78:ft=help:norl:\n", "Vim Help File"),
        ("Rakefile", "task :x\n", "Ruby"),
        ("lib/CMakeLists.txt", "project(x)\n", "CMake"),
        ("Dockerfile", "FROM x\n", "Dockerfile"),
        (".bashrc", "alias x=y\n", "Shell"),
        ("run", "#!/usr/bin/env python3\nprint(1)\n", "Python"),
        ("run", "#! /usr/bin/python3.11 -u\n", "Python"),
        ("run", "#!/usr/bin/env -S deno run\n", "TypeScript"),
        ("run", "#!/usr/bin/env FOO=1 ruby\n", "Ruby"),
        ("run", "#!/bin/sh\nexec tclsh \"$0\" \"$@\"\n", "Tcl"),
        ("run", "#!/bin/sh\necho x\n", "Shell"),
        ("run", "#!\n", None),
        ("conf", "# -*- mode: ruby -*-\n", "Ruby"),
        ("conf", "x\n# vi: set ft=python :\n", "Python"),
        ("conf", "# -*- coding: utf-8 -*-\n", None),
        ("a.js", "/* -*- Mode: Java; tab-width: 4 -*- */\nvar x;\n", "JavaScript"),
        ("a.hs", "main = print 1\n", "Haskell"),
        ("a.kt", "fun main() {}\n", "Kotlin"),
        ("page.html", "<p>", "HTML"),
        ("a.json", "{}", "JSON"),
        ("a.yml", "a: 1", "YAML"),
        ("a.css", "p {}", "CSS"),
        ("a.tex", "\\section{x}", "TeX"),
        ("ls.1", ".TH LS 1\n.SH NAME\n", "Roff Manpage"),
        ("data.1", "1 2 3\n", None),
        ("page.blade.php", "@if (1)", "Blade"),
        ("x", "<?xml version='1.0'?><a/>", "XML"),
        ("x.unheard", "words", None),
        ("", "", None),
        ("empty.py", "", "Python"),
        ("binary.py", "a\0b", None),
    ],
)  # fmt: skip
def test_by_name_and_content(path, text, language):
    assert identify(path, text) == language


def test_real_files_agree_with_an_independent_reading(files):
    wrong = Counter()
    for row in files:
        if identify(row["path"], row["content"]) != row["language"]:
            wrong[row["language"]] += 1
    # Of those called C eight are headers of C++ or Objective-C, and two headers of C++ say nothing.
    assert wrong == {"C": 8, "C++": 2}


@pytest.mark.parametrize(
    ("repo", "path", "language"),
    [
        ("cp-algorithms/cp-algorithms", "test/data/convex_hull.h", "C++"),
        ("davidstutz/superpixel-benchmark", "lib_eams/edge/BgEdgeList.h", "C++"),
        ("raywenderlich/swift-algorithm-club", "Graph/Graph/Graph.h", "Objective-C"),
        ("TheAlgorithms/C", "data_structures/graphs/graph.h", "C"),
        ("BurntSushi/ripgrep", "tests/regression.rs", "Rust"),
    ],
)
def test_real_headers(files, repo, path, language):
    content = next(row["content"] for row in files if row["repo"] == repo and row["path"] == path)
    assert identify(path, content) == language


def test_c_and_cpp_headers_are_told_apart_by_content_alone(files):
    """Sources stand for headers: those of C++ are rarely taken for C, those of C hardly ever for C++."""
    sources = [row for row in files if row["language"] in ("C", "C++") and not row["path"].endswith(".h")]
    found = Counter((row["language"], identify("x.h", row["content"])) for row in sources)
    assert found["C", "C"] >= 0.98 * sum(n for (language, _), n in found.items() if language == "C")
    assert found["C++", "C++"] >= 0.95 * sum(n for (language, _), n in found.items() if language == "C++")


@pytest.mark.parametrize(
    "unit", [" ", "\t", "a", "(", "namespace a", "class a ", "# \n", "a.o ", "vim:ft", "-*-", "$0 exec "]
)
def test_one_line_of_ten_million_characters(unit):
    text = unit * (10_000_000 // len(unit))
    extensions = (".h", ".d", ".md", ".sc", ".m", ".pl", ".v", ".ts", ".sql", "")
    assert all(identify(f"x{extension}", text) != "" for extension in extensions)
    assert identify("x.py", text) == "Python"
