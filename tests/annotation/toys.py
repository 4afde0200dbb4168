"""A judge that is a function, and all that is needed to ask it."""

import random
import re
from collections import Counter

from curation.annotation.annotator import Annotator
from curation.annotation.cutting import Cutter
from curation.annotation.journal import Journal
from curation.annotation.judge import Reply
from curation.annotation.judging import Judging
from curation.annotation.ledger import Ledger
from curation.annotation.prompt import Prompt
from curation.annotation.reading import Asker, Item
from curation.folder import Folder
from curation.scale import Scale

PROMPT = Prompt("toy", "Rate this:\n{text}\n", Scale(0, 5), "Final score", (), 1000)


def shown_in(request):
    """The document's text in a request."""
    return re.search(r"<extract \w+>\n(.*)\n</extract", request.messages[0]["content"], re.DOTALL)[1]


def number_in(request):
    return int(re.search(r"\d+", shown_in(request))[0])


def key_of(request):
    """What equal requests have in common."""
    return str(request.messages), request.seed


def by_number(request, count=0):
    """A label by the number in the text."""
    return f"Final score: {number_in(request) % 6}"


class ToyJudge:
    """Answers with ``answer(request, count)``, a text or a `Reply`; ``count`` is of equal requests before.

    Replies come in shuffled order, a few at a time; those of which ``is_slow(request)`` come when nothing else is left.
    One that is ``lazy`` has nothing for who does not wait.
    """

    def __init__(
        self, answer=by_number, *, concurrency=4, seed=0, is_slow=lambda request: False, name="toy", lazy=False
    ):
        self.name, self.concurrency, self.lazy = name, concurrency, lazy
        self.answer, self.is_slow = answer, is_slow
        self.asked, self.delivered, self.waiting = [], [], []
        self.most_waiting = 0
        self.counts = Counter()
        self.random = random.Random(seed)

    def check(self):
        pass

    def context_tokens(self):
        return None

    def close(self):
        pass

    def submit(self, ticket, request):
        key = key_of(request)
        self.asked.append(request)
        self.waiting.append((ticket, request, self.counts[key]))
        self.counts[key] += 1
        self.most_waiting = max(self.most_waiting, len(self.waiting))

    def completed(self, timeout=None):
        if self.lazy and timeout == 0:
            return []
        quick = [row for row, (_, request, _) in enumerate(self.waiting) if not self.is_slow(request)]
        if not quick and timeout != 0:
            quick = range(len(self.waiting))
        rows = self.random.sample(quick, min(len(quick), self.random.randint(int(timeout != 0), 3)))
        chosen = [self.waiting[row] for row in rows]
        for row in sorted(rows, reverse=True):
            del self.waiting[row]
        self.delivered += [request for _, request, _ in chosen]
        return [(ticket, self.reply(request, count)) for ticket, request, count in chosen]

    def reply(self, request, count):
        said = self.answer(request, count)
        return said if isinstance(said, Reply) else Reply(said, None, 7, 5, 0.5)


def item(number, text=None, **slots):
    return Item(number, f"id-{number}", None, f"document {number}" if text is None else text, slots)


def items(count):
    return [item(number) for number in range(count)]


def annotator(judges, judging=None, *, folder=None, shard="00000", prompt=PROMPT, known=(), tell=None, ledger=None):
    """An annotator of one or more toy judges; ``folder`` is a location."""
    judging = judging or Judging(concurrency=4)
    judges = judges if isinstance(judges, list) else [judges]
    askers = [Asker(one, one.name, prompt, judging.reminders, judging.expected_label) for one in judges]
    kept = Folder(str(folder)) if folder else None
    journal = Journal(kept, shard, [Folder(str(one)) for one in known]) if kept else None
    ledger = ledger or (Ledger(kept, judging) if kept else None)
    return Annotator(askers, Cutter(prompt), judging, journal=journal, ledger=ledger, tell=tell)


def labels(judges, documents, judging=None, **more):
    """The labels of all documents."""
    return [said.label for _, said in annotator(judges, judging, **more).annotate(documents)]
