"""The pages an extractor does worst on, for reading: ``PYTHONPATH=. python tests/bench/extraction/worst.py gold``.

For each of them a file with its figures and what is missing and surplus (formulas of ``math``, lines of ``gold``,
snippets of ``snippets``), then its text; the page lies beside it.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench.extraction.figures import scorer, text_figures
from tests.bench.extraction.pages import SharedPage, missing, read_pages
from tests.bench.extraction.peers import OURS, peers
from tests.bench.extraction.snippets import counts_of, has_snippets, one_line
from tests.bench.extraction.texts import texts_of

Verdict = tuple[float, list[str]]


def worst_formulas(pages: Sequence[SharedPage], texts: Mapping[str, str]) -> Iterator[tuple[SharedPage, Verdict]]:
    """By delimited recall plus precision, as the scorer counts them."""
    score = scorer()
    wanted = {page.key: score.wanted(page.row) for page in pages}
    of_site: defaultdict[str, Counter[str]] = defaultdict(Counter)
    sizes = Counter(page.row["site"] for page in pages)
    for page in pages:
        of_site[page.row["site"]].update(wanted[page.key])
    for page in pages:
        site, text = page.row["site"], texts[page.key]
        want = {tex for tex in wanted[page.key] if of_site[site][tex] <= max(2, sizes[site] / 5)}
        if not want:
            continue
        every_span, squashed = "\0".join(score.squash(a or b) for a, b in score.MATH.findall(text)), score.squash(text)
        gold = "\0".join(score.squash(formula["tex"]) for formula in page.row["gold_formulas"] if "tex" in formula)
        spans = score.spans_of(text)
        surplus = [span for span in spans if span not in gold]
        bare = [tex for tex in want if tex in squashed and tex not in every_span]
        gone = [tex for tex in want if tex not in squashed]
        delimited, precision = 1 - (len(bare) + len(gone)) / len(want), 1 - len(surplus) / max(1, len(spans))
        lines = [f"delimited {delimited:.3f}  precision {precision:.3f}  formulas {len(want)}  spans {len(spans)}"]
        lines += _list("missing", sorted(gone)) + _list("without delimiters", sorted(bare)) + _list("surplus", surplus)
        yield page, (delimited + precision, lines)


def worst_text(pages: Sequence[SharedPage], texts: Mapping[str, str]) -> Iterator[tuple[SharedPage, Verdict]]:
    """By F1."""
    for page in pages:
        gold = page.row.get("gold_text")
        if gold:
            figures = text_figures([page], texts)[0]
            lines = ["  ".join(f"{name} {value}" for name, value in figures.items())]
            lines += _list("missing lines", _absent(gold, texts[page.key]))
            lines += _list("surplus lines", _absent(texts[page.key], gold))
            yield page, (figures["F1"], lines)


def worst_snippets(pages: Sequence[SharedPage], texts: Mapping[str, str]) -> Iterator[tuple[SharedPage, Verdict]]:
    """By accuracy."""
    for page in filter(has_snippets, pages):
        counts, text = counts_of(page, texts[page.key]), one_line(texts[page.key])
        lines = ["  ".join(f"{name} {counts[name]}" for name in ("tp", "fn", "fp", "tn"))]
        lines += _list("missing", [s for s in page.row.get("must_contain") or () if one_line(s) not in text])
        lines += _list("surplus", [s for s in page.row.get("must_not_contain") or () if one_line(s) in text])
        yield page, ((counts["tp"] + counts["tn"]) / counts.total(), lines)


SETS: dict[str, Callable[..., Iterator[tuple[SharedPage, Verdict]]]] = {
    "math": worst_formulas,
    "gold": worst_text,
    "snippets": worst_snippets,
}


def _absent(some: str, other: str) -> list[str]:
    """Lines of ``some`` of whose runs of four words (or fewer, on short lines) under a half are in ``other``."""
    runs = {size: set(scorer().grams(other, size)) for size in range(1, 5)}
    absent = []
    for line in filter(str.strip, some.splitlines()):
        size = min(4, len(re.findall(r"\w+", line)))
        grams = scorer().grams(line, size) if size else Counter()
        if sum(gram in runs[size] for gram in grams) * 2 < len(grams):
            absent.append(line)
    return absent


def _list(headline: str, lines: Sequence[str]) -> list[str]:
    return ["", f"{headline}: {len(lines)}", *(f"    {line}" for line in lines)]


def main() -> None:
    arguments = _arguments()
    if reason := missing():
        print(reason)
        return
    name = arguments.set
    peer = next(peer for peer in peers(arguments.trafilatura2) if peer.name == arguments.extractor)
    pages = read_pages("math" if name == "math" else "gold")
    texts = texts_of(peer, f"worst-{name}", pages)
    folder = arguments.output or Path(tempfile.gettempdir()) / f"curation-bench-worst-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    judged = sorted(SETS[name](pages, texts), key=lambda item: (item[1][0], item[0].key))
    for rank, (page, (score, lines)) in enumerate(judged[: arguments.count], 1):
        stem = f"{rank:02d}-{page.row.get('site') or page.row['source']}"
        said = [page.url, page.key, *lines, "", "== text", texts[page.key]]
        (folder / f"{stem}.txt").write_text("\n".join(said), encoding="utf-8", errors="replace")
        (folder / f"{stem}.html").write_text(page.html, encoding="utf-8", errors="replace")
        print(f"{score:6.3f}  {folder / stem}.txt  {page.url[:100]}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--extractor", default=OURS, help="a name of bench_extraction.py's table")
    parser.add_argument("--trafilatura2", metavar="PYTHON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
