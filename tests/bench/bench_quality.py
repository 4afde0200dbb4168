"""Documents a second of the quality rules beside datatrove's four filters, and where they disagree: run by hand.

`python tests/bench/bench_quality.py [speed] [texts] [pages]`; datatrove's decisions are kept in the folder of temporary
files, because they take minutes.
"""

import gzip
import hashlib
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.utils.text import PUNCTUATION_SET, split_into_sentences, split_into_words

from curation.blocks.quality import KeepQuality
from curation.text.quality import RULES, quality_rules, quality_statistics

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
KEPT = Path(tempfile.gettempdir()) / "curation-bench-quality.json"
FILTERS = {
    "gopher_repetition": GopherRepetitionFilter(),
    "gopher_quality": GopherQualityFilter(),
    "c4": C4QualityFilter(filter_no_terminal_punct=False),
    "fineweb": FineWebQualityFilter(),
}


def read_texts():
    with gzip.open(DATA / "texts/web_texts.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def read_pages():
    """Pages as our extraction gives them, and the gold texts."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    from curation import html_to_text

    texts = []
    for folder in ("web/pages", "web/gold"):
        for path in sorted((DATA / folder).glob("*.warc.gz")):
            with path.open("rb") as stream:
                for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                    texts.append(html_to_text(record.reader.read().decode("utf-8", "replace")))
    with gzip.open(DATA / "web/gold/gold.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts += [row["gold_text"] for row in map(json.loads, lines) if row.get("gold_text")]
    return sorted({text for text in texts if text})


def reason_of(rule, text):
    """datatrove's reason in our words, None for a text that stays, and the text that it leaves."""
    doc = Document(text=text, id="0")
    found = FILTERS[rule].filter(doc)
    if found is True:
        return None, doc.text
    reason = found[1]
    if rule == "gopher_repetition":
        reason = f"gopher_{reason}"
    if rule == "fineweb" and reason == "empty":
        reason = "fineweb_empty"
    return reason, text


def theirs(text):
    """The reason of each rule set; FineWeb's on what C4 leaves, or on the text itself where C4 drops it."""
    reasons = {rule: reason_of(rule, text)[0] for rule in RULES[:2]}
    reasons["c4"], left = reason_of("c4", text)
    reasons["fineweb"] = reason_of("fineweb", left)[0]
    digest = hashlib.sha1(left.encode("utf-8", "surrogatepass")).hexdigest()
    return {**reasons, "left": digest}


def all_theirs(texts):
    kept = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
    keys = [hashlib.sha1(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts]
    missing = [(key, text) for key, text in zip(keys, texts, strict=True) if key not in kept]
    for number, (key, text) in enumerate(missing, 1):
        kept[key] = theirs(text)
        if number % 500 == 0 or number == len(missing):
            KEPT.write_text(json.dumps(kept))
    return [kept[key] for key in keys]


def ours(text, alone):
    """As `theirs`, with each rule set alone."""
    found = {rule: alone[rule].judge(text) for rule in RULES}
    left = found["c4"].text if found["c4"].reason is None else text
    found["fineweb"] = alone["fineweb"].judge(left)
    digest = hashlib.sha1(left.encode("utf-8", "surrogatepass")).hexdigest()
    return {rule: found[rule].reason for rule in RULES} | {"left": digest}


def first(reasons):
    return next((reasons[rule] for rule in RULES if reasons[rule]), None)


def measured(text):
    """What datatrove's words make of the statistics that depend on them, and ours."""
    words = split_into_words(text)
    plain = [word for word in words if any(char not in PUNCTUATION_SET for char in word)]
    sentences = sum(len(split_into_sentences(line.strip())) for line in text.splitlines())
    count = max(1, len(words))
    their = {
        "words": len(words),
        "text_words": len(plain),
        "mean_word_length": sum(map(len, plain)) / max(1, len(plain)),
        "alpha_words": sum(any(map(str.isalpha, word)) for word in words) / count,
        "list_ratio": text.count("\n") / count,
        "sentences": sentences,
    }
    found = quality_statistics(text, quality_rules("en").language)
    return "  ".join(f"{name} {value:.4f} | {getattr(found, name):.4f}" for name, value in their.items())


def compare(name, texts):
    reference = all_theirs(texts)
    alone = {rule: quality_rules("en", (rule,)) for rule in RULES}
    together = quality_rules("en")
    same, total, lines = Counter(), 0, []
    for text, their in zip(texts, reference, strict=True):
        our = ours(text, alone)
        for rule in (*RULES, "left"):
            same[rule] += our[rule] == their[rule]
            if our[rule] != their[rule]:
                lines.append(f"  {rule}: theirs {their[rule]}, ours {our[rule]}: {text[:40]!r}\n     {measured(text)}")
        verdict = together.judge(text).reason
        total += verdict == first(their)
        assert verdict == first(our), (verdict, our)
    print(f"{name}: {len(texts)} texts; theirs dropped {sum(first(their) is not None for their in reference)}")
    for rule in (*RULES, "left"):
        print(f"  {rule:18s} {same[rule]:6d} the same, {same[rule] / len(texts):.4%}")
    print(f"  {'all in a row':18s} {total:6d} the same, {total / len(texts):.4%}   theirs | ours:")
    print("\n".join(lines))
    print(Counter(first(their) for their in reference).most_common())


def speed(texts):
    """Alternating in one process: all texts by ours, 150 by theirs."""
    few = texts[::33][:150]
    for text in few[:5]:  # what is compiled or loaded first is not measured
        quality_rules("en").judge(text)
        theirs(text)
    for _ in range(3):
        for name, steps, some in (("ours", [KeepQuality()], texts), ("datatrove", list(FILTERS.values()), few)):
            docs = iter([Document(text=text, id=str(number)) for number, text in enumerate(some)])
            for step in steps:
                docs = step.run(docs)
            start, began = time.perf_counter(), time.process_time()
            kept = sum(1 for _ in docs)
            wall, used = time.perf_counter() - start, time.process_time() - began
            print(f"{name:10s} {len(some) / wall:9,.0f} /s, {len(some) / used:9,.0f} by processor time, {kept} kept")


def main():
    asked = sys.argv[1:] or ["speed", "texts", "pages"]
    texts = read_texts()
    if "speed" in asked:
        speed(texts)
    if "texts" in asked:
        compare("texts", texts)
    if "pages" in asked:
        compare("pages", read_pages())


if __name__ == "__main__":
    main()
