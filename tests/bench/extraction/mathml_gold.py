r"""MathML to TeX against its source: ``python tests/bench/extraction/mathml_gold.py gold``.

The TeX is rendered by a program of others (KaTeX, or latex2mathml where KaTeX is not there) to MathML again, and both
MathMLs are read here into one normal form: signs in the order of presentation (numerator, denominator; radicand, index;
base, below, above; tables by rows), within fractions, roots, scripts and tables. ``symbols`` is the share of formulas
with the same signs in the same order, ``structure`` of those with the same normal form, ``renders`` of those whose TeX
the program takes at all. Signs that look the same are one (``−`` and ``-``, ``∣`` and ``|``), italic and upright
letters too, bold, script, fraktur and double-struck ones are their own; spaces and invisible operators are nothing.

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
import unicodedata
from collections import Counter
from html import unescape
from pathlib import Path

from lxml import etree

from curation.html.archive import read_archive
from curation.html.mathml import mathml_to_tex

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
# What looks the same, in the one form that stands for all.
LOOKALIKES = """
- −–‐‑‒﹣－ | ∣❘ ‖ ∥ · ⋅∙• * ∗⁎ ~ ∼˜\u0303 ^ ˆ\u0302 ¯ ‾ˉ―⎯─_\u0304\u0305\u0332 → ⟶\u20d7 ⟨ 〈〈 ⟩ 〉〉 ′ '’ʹ △ ▵ \\ ∖⧵
⇒ ⟹ ⇔ ⟺ □ ▫◻ Δ ∆ ⊨ ⊧ ⊥ ⟂ . ˙\u0307 … ⋯ : ∶ μ µ × ⨯ ħ ℏ ∅ ⌀ / ∕ ° ˚∘
"""
WORDS = LOOKALIKES.split()
ALIKE = {ord(char): plain for plain, chars in zip(WORDS[::2], WORDS[1::2], strict=True) for char in chars}
INVISIBLE = re.compile("[\\s\u2061-\u2064\u200b-\u200f\u2060\ufeff\ufe00-\ufe0f\u00ad]")
STYLES = {"double-struck": "bb", "script": "cal", "fraktur": "frak", "bold": "bold"}
LIMITS = frozenset("∑∏∐∫∬∭∮⋃⋂⋁⋀⨁⨂⨀⨄⨆→←⏞⏟")


def style_of(variant: str, char: str) -> tuple[str, str]:
    """A letter's style and the letter itself, from ``mathvariant`` or the letter's own code point."""
    font = unicodedata.decomposition(char).startswith("<font> ")
    plain = chr(int(unicodedata.decomposition(char)[7:], 16)) if font else char
    name = unicodedata.name(char, "").lower()
    if (
        plain == char
        or len(plain) != 1
        or not any(w in name for w in ("mathematical", "struck", "script", "black-letter"))
    ):
        plain, name = char, variant
    name = name.replace("black-letter", "fraktur")
    style = next((short for word, short in STYLES.items() if word in name), "")
    return style, plain


def signs(text: str, variant: str = "") -> list:
    """The visible signs of a token."""
    text = (
        text.replace("″", "′′").replace("‴", "′′′").replace("...", "…").replace("≠", "=\u0338").replace("∉", "∈\u0338")
    )
    out = []
    for char in INVISIBLE.sub("", unicodedata.normalize("NFD", text) if not text.isascii() else text):
        style, plain = style_of(variant, char)
        out.append(f"{style}:{plain}" if style else plain.translate(ALIKE))
    return out


def normal(node, variant: str = "") -> list:
    """The normal form of an element: a list of signs and of tuples for what has structure."""
    name = etree.QName(node).localname if isinstance(node.tag, str) else ""
    variant = node.get("mathvariant", variant)
    if name in ("mi", "mn", "mo", "mtext", "ms"):
        return token(node, variant)
    if name in ("annotation", "annotation-xml", "mphantom", "mspace", ""):
        return []
    parts = [normal(child, variant) for child in node if isinstance(child.tag, str)]
    shape = SHAPES.get(name)
    return shape(node, parts) if shape else [item for part in parts for item in part]


def token(node, variant: str) -> list:
    """A token's signs; other elements may stand among them."""
    out = signs(node.text or "", variant)
    for child in node:
        known = isinstance(child.tag, str) and etree.QName(child).localname.startswith("m")
        out += normal(child, variant) if known else token(child, variant) if isinstance(child.tag, str) else []
        out += signs(child.tail or "", variant)
    return out


def at(parts: list, place: int) -> list:
    return parts[place] if place < len(parts) else []


def script(base: list, below: list, above: list) -> list:
    """Scripts stand at the last sign of their base; those set one after the other are set at once."""
    if not below and not above:
        return base
    if not below and not "".join(flat(above)).strip("′"):
        return [*base, *above]
    *before, last = base or [""]
    if isinstance(last, tuple) and last[0] == "script" and not (last[2] and below) and not (last[3] and above):
        return [*before, ("script", last[1], last[2] or below, last[3] or above)]
    return [*before, ("script", [last], below, above)]


def limits(base: list, below: list, above: list) -> list:
    """Below and above a big operator or a name as scripts, elsewhere as marks."""
    word = all(isinstance(item, str) and len(item) == 1 and item.isalpha() and item.isascii() for item in base)
    if (len(base) > 1 and word) or (len(base) == 1 and isinstance(base[0], str) and base[0] in LIMITS):
        return script(base, below, above)
    if len(base) == 1 and isinstance(base[0], tuple) and base[0][0] == "mark":
        return [("mark", base[0][1], base[0][2] + below, base[0][3] + above)]
    return [("mark", base, below, above)]


def fenced(node, parts: list) -> list:
    marks = "".join(node.get("separators", ",").split())
    inside = [
        item
        for place, part in enumerate(parts)
        for item in (signs(marks[min(place, len(marks)) - 1 :][:1]) if place and marks else []) + part
    ]
    return [*signs(node.get("open", "(")), *inside, *signs(node.get("close", ")"))]


def fraction(node, parts: list) -> list:
    thin = re.match(r"\s*0*\.?0*[a-z]*\s*$", node.get("linethickness", "1")) is not None
    if node.get("bevelled") == "true" and len(at(parts, 0)) == len(at(parts, 1)) == 1:
        return [*parts[0], "/", *parts[1]]
    return [("stack" if thin else "fraction", at(parts, 0), at(parts, 1))]


def multiscripts(node, parts: list) -> list:
    names = [etree.QName(child).localname for child in node if isinstance(child.tag, str)]
    split = names.index("mprescripts") if "mprescripts" in names else len(names)
    out: list = []
    for place in range(split + 1, len(parts), 2):
        out += script([], at(parts, place), at(parts, place + 1))
    after = parts[1:split]
    out += script(at(parts, 0), at(after, 0), at(after, 1))
    for place in range(2, len(after), 2):
        out += script([], at(after, place), at(after, place + 1))
    return out


def table(node, parts: list) -> list:
    """A table without its empty cells; one of a single cell is nothing but the cell."""
    rows = [row for row in parts if row]
    if len(rows) == 1 and len(rows[0]) == 1 and isinstance(rows[0][0], tuple) and rows[0][0][0] == "cell":
        return rows[0][0][1]
    return [("table", rows)] if rows else []


def row(node, parts: list) -> list:
    """A table's row: an equation's number stands at its end."""
    cells = [*parts[1:], parts[0]] if etree.QName(node).localname == "mlabeledtr" and parts else parts
    return [("cell", cell) for cell in cells if cell]


SHAPES = {
    "mfenced": fenced,
    "mfrac": fraction,
    "mmultiscripts": multiscripts,
    "mlabeledtr": row,
    "mover": lambda node, parts: limits(at(parts, 0), [], at(parts, 1)),
    "mroot": lambda node, parts: [("root", at(parts, 0), at(parts, 1))],
    "msqrt": lambda node, parts: [("root", [item for part in parts for item in part], [])],
    "msub": lambda node, parts: script(at(parts, 0), at(parts, 1), []),
    "msubsup": lambda node, parts: script(at(parts, 0), at(parts, 1), at(parts, 2)),
    "msup": lambda node, parts: script(at(parts, 0), [], at(parts, 1)),
    "mtable": table,
    "mtr": row,
    "munder": lambda node, parts: limits(at(parts, 0), at(parts, 1), []),
    "munderover": lambda node, parts: limits(at(parts, 0), at(parts, 1), at(parts, 2)),
    "semantics": lambda node, parts: at(parts, 0),
    "maction": lambda node, parts: at(parts, 0),
}


def flat(form) -> list[str]:
    """The signs of a normal form, in order."""
    out: list[str] = []
    todo = [form]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            out += [item] if item else []
        else:
            todo += list(item[1:] if isinstance(item, tuple) else item)[::-1]
    return out


def parsed(mathml: str):
    """The element tree of MathML source, named entities and all."""
    plain = re.sub(
        r"&(?!lt;|gt;|amp;|quot;|apos;|#)(\w+;)", lambda found: unescape(found[0]).replace("&", "&amp;"), mathml
    )
    plain = re.sub(r"<(/?)\w+:(\w+)", r"<\1\2", plain)
    return etree.fromstring(plain.encode(), etree.XMLParser(recover=True, huge_tree=True, encoding="utf-8"))


def form_of(mathml: str) -> list | None:
    tree = parsed(mathml)
    return None if tree is None else normal(tree)


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
    """KaTeX, or latex2mathml, or an explanation."""
    if shutil.which("node") and subprocess.run(["node", "-e", "require('katex')"], capture_output=True).returncode == 0:
        return katex
    try:
        importlib.import_module("latex2mathml.converter")
    except ImportError:
        sys.exit(
            "skipped: nothing to render TeX with; npm install katex and set NODE_PATH, or pip install latex2mathml"
        )
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
    render = renderer()
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
