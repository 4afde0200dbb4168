"""The model card that lies beside every saved classifier.

Example: ``model_card(classifier)`` is Markdown: what it is, how to load it, where it cuts, what it was measured at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curation.classify.plots import INSTALL

if TYPE_CHECKING:
    from curation.classify.classifier import Classifier

LOADING = """```python
from curation import load_classifier

scores = load_classifier("{folder}").score(["1 + 1 = 2"])
```
"""

PLAIN = """Plain `transformers` loads it too, with the same logits:

```python
pipeline("text-classification", "{folder}", function_to_apply="none", truncation=True)
```
"""

NOT_PLAIN = """`transformers` alone loads the encoder only: the head is in `head.safetensors`, and
`AutoModelForSequenceClassification` would put a random one in its place.
"""


FILES = """- `report.json`: the figures below, and more of them
- `held_out.parquet`: label and held-out scores of every judged document, without its text: another cut can be chosen
  from it later, `curate filter SCORED --target precision=0.9 --classifier FOLDER`
"""


def model_card(classifier: Classifier, *, drawn: bool = False) -> str:
    """The card of a classifier, in Markdown; ``drawn``: whether the picture of its report lies beside it."""
    scale, cut = classifier.scale, classifier.cut
    identity = classifier.embedder_identity
    tuned = str((identity or {}).get("embedder")).startswith("tuned:")
    encoder = "an encoder that was trained along" if tuned else "a frozen encoder"
    lines = [
        f"# {classifier.name}",
        "",
        f"A `{classifier.head.kind}` head on {encoder}, trained with the labels of an LLM judge on a scale of",
        f"{scale.low} to {scale.high}. `score` is its raw output, `int_score` the rounded one, and `calibrated_score`",
        "is bent onto the scale of the labels: it reaches a label where the score reaches that label's cut.",
        "",
        LOADING.format(folder="FOLDER"),
        PLAIN.format(folder="FOLDER") if classifier.head.kind == "pooled_linear" else NOT_PLAIN,
        "## Cut",
        "",
        f"`cut: {cut}` decides. On the raw score it means:",
        "",
        *(f"- label >= {threshold}: {classifier.describe_cut(threshold)}" for threshold in scale.thresholds),
        "",
    ]
    if identity:
        lines += ["## Embedder", "", *(f"- {key}: {value!r}" for key, value in identity.items()), ""]
    if classifier.report is not None:
        picture = "![Held-out figures](report.png)" if drawn else f"(No picture: {INSTALL} draws one.)"
        lines += ["## Figures", "", picture, "", classifier.report.to_markdown(), "## Files", "", FILES]
    return "\n".join(lines)
