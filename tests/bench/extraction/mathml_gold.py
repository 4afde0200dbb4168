r"""MathML to TeX against its source: ``PYTHONPATH=. python tests/bench/extraction/mathml_gold.py gold``.

The TeX is rendered by a program of others (KaTeX, or latex2mathml where KaTeX is not there) to MathML again, and both
MathMLs are compared in one normal form (`mathml_form`). ``symbols`` is the share of formulas with the same signs in the
same order, ``structure`` of those with the same normal form, ``renders`` of those whose TeX the program takes at all.

``gold`` are the pages' formulas without TeX; ``annotated`` those of pages that carry it: the MathML is converted
without it and compared with the page's own TeX rendered; ``roundtrip`` are the formulas of the gold that are TeX,
rendered by KaTeX, converted back and rendered again (each tenth of them with ``EVERY=10``). A second word, ``symbols``
or ``structure``, prints the formulas that are not the same in it.

Node with KaTeX is found by ``NODE_PATH`` (``npm install katex`` anywhere, then ``NODE_PATH=.../node_modules``).
"""

from __future__ import annotations

import gzip
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from html import unescape
from pathlib import Path

from curation.html.archive import read_archive
from curation.html.mathml import mathml_to_tex
from tests.bench.extraction.mathml_form import flat, form_of

SHARED = Path(__file__).resolve().parents[3].parent / "shared"
KATEX = """
const katex = require('katex');
const lines = require('fs').readFileSync(0, 'utf8').split('\\n').filter(Boolean);
for (const line of lines) {
  const [tex, display] = JSON.parse(line);
  let out = null;
  try {
    const options = {output: 'mathml', displayMode: display, strict: 'ignore', trust: true, maxExpand: 500};
    out = katex.renderToString(tex, options);
  } catch (error) { out = 'ERROR ' + error.message; }
  console.log(JSON.stringify(out));
}
"""


def katex(formulas: list[tuple[str, bool]]) -> list[str]:
    lines = "".join(json.dumps(formula) + "\n" for formula in formulas)
    done = subprocess.run(["node", "-e", KATEX], input=lines, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        text if text.startswith("ERROR") else "<math" + text.partition("<math")[2].rpartition("</math>")[0] + "</math>"
        for text in found
    ]


def latex2mathml(formulas: list[tuple[str, bool]]) -> list[str]:
    convert = importlib.import_module("latex2mathml.converter").convert
    out = []
    for tex, _ in formulas:
        try:
            out.append(convert(tex))
        except Exception as error:
            out.append(f"ERROR {error!r}")
    return out


def renderer():
    """KaTeX, or latex2mathml; None, and an explanation, where neither is there."""
    if shutil.which("node") and subprocess.run(["node", "-e", "require('katex')"], capture_output=True).returncode == 0:
        return katex
    try:
        importlib.import_module("latex2mathml.converter")
    except ImportError:
        print("skipped: nothing to render TeX with; npm install katex and set NODE_PATH, or pip install latex2mathml")
        return None
    return latex2mathml


def gold_rows() -> list[dict]:
    with gzip.open(SHARED / "data/math/gold.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def gold_pairs(render) -> list[tuple[str, str]]:
    """The gold's MathML, twice: as what is converted and as what the TeX should look like."""
    found = [each["mathml"] for row in gold_rows() for each in row["gold_formulas"] if "mathml" in each]
    return [(mathml, mathml) for mathml in found]


def annotated_pairs(render) -> list[tuple[str, str]]:
    """MathML of pages without its annotation, and the rendering of the annotation."""
    found = []
    for folder in ("data/math", "data/web/gold"):
        for path in sorted((SHARED / folder).glob("*.warc.gz")):
            with path.open("rb") as stream:
                for record in read_archive(stream, path.name):
                    found += re.findall(r"<(?:\w+:)?math[\s>].*?</(?:\w+:)?math>", record.html or "", re.DOTALL)
    pairs = []
    for mathml in dict.fromkeys(found):
        tex = re.search(r"<annotation[^>]*tex[^>]*>([^<]*)<", mathml) or re.match(
            r"<math[^>]*?\balttext=\"([^\"]*)\"", mathml
        )
        if tex and tex[1].strip():
            bare = re.sub(
                r"<annotation\b.*?</annotation>|<annotation-xml.*?</annotation-xml>", "", mathml, flags=re.DOTALL
            )
            pairs.append((re.sub(r"^<math[^>]*>", "<math>", bare), unescape(tex[1])))
    rendered = render([(tex, True) for _, tex in pairs])
    return [(mathml, form) for (mathml, _), form in zip(pairs, rendered, strict=True) if not form.startswith("ERROR")]


def roundtrip_pairs(render) -> list[tuple[str, str]]:
    """The TeX of the gold as MathML of the renderer."""
    found = {each["tex"]: None for row in gold_rows() for each in row["gold_formulas"] if "tex" in each}
    rendered = render([(tex, True) for tex in list(found)[:: int(os.environ.get("EVERY", "1"))]])
    bare = [
        re.sub(r"<annotation\b.*?</annotation>", "", form, flags=re.DOTALL)
        for form in rendered
        if not form.startswith("ERROR")
    ]
    return [(form, form) for form in dict.fromkeys(bare)]


def main(which: str = "gold", show: str = "") -> None:
    if not SHARED.is_dir():
        print(f"skipped: no {SHARED}")
        return
    render = renderer()
    if render is None:
        return
    pairs = {"gold": gold_pairs, "annotated": annotated_pairs, "roundtrip": roundtrip_pairs}[which](render)
    nodes = sum(len(re.findall(r"<\w", mathml)) for mathml, _ in pairs)
    started = time.process_time()
    texs = [mathml_to_tex(mathml) for mathml, _ in pairs]
    seconds = time.process_time() - started
    print(f"{which}: {len(pairs)} formulas, {nodes} elements, {seconds / max(nodes, 1) * 1e6:.2f} µs of CPU for each")
    counts: Counter[str] = Counter()
    for (mathml, wanted), tex, got in zip(pairs, texs, render([(tex, True) for tex in texs]), strict=True):
        renders = not got.startswith("ERROR")
        want_form, got_form = form_of(wanted), form_of(got) if renders else None
        same = renders and want_form is not None and flat(want_form) == flat(got_form)
        counts["renders"] += renders
        counts["symbols"] += same
        counts["structure"] += same and want_form == got_form
        if show and not (same if show == "symbols" else same and want_form == got_form):
            print(
                "\n",
                mathml[:1500],
                "\n ->",
                tex,
                "\n",
                got[:300] if not renders else "",
                "\n  want",
                " ".join(flat(want_form or [])),
                "\n  got ",
                " ".join(flat(got_form or [])),
            )
    for name in ("renders", "symbols", "structure"):
        print(f"{name:10}{counts[name] / max(len(pairs), 1):.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
