"""A command that annotates while its judge's server and itself are killed, and what is checked afterwards.

    outcome = survive(tmp / "killed", input, plan=Plan(client_kills=5, server_kills=2), concurrency=256, delay=0.2,
                      faults=ISSUE_FAULTS)
    calm = survive(tmp / "calm", input, plan=Plan(), concurrency=256, delay=0.2)
    problems(outcome, calm, ids)  # [] if nothing was lost and nothing wasted

Every judgement rests on three witnesses: the log of `judge_server`, what was in the journal right after each kill, and
the documents that came out. The client is ``curate annotate`` in a process group of its own, killed with ``kill -9``.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

SERVER = Path(__file__).with_name("judge_server.py")
ISSUE_FAULTS = {"rate-429": 0.10, "rate-500": 0.05, "rate-dropped": 0.02, "rate-empty": 0.02, "rate-garbage": 0.05}
CURATE = (sys.executable, "-c", "from curation.cli import main; main()")
PROMPT = "finemath_5pt"
_SAID = re.compile(r"The extract ([\w.-]+) (was read|would have)")
_POLL_SECONDS = 0.005
_TOLD_OF_REMINDERS = {"first_reply", "requests", "prompt_tokens", "completion_tokens"}


class Event(NamedTuple):
    """A line of the server's log."""

    seconds: float
    event: str
    turn: int
    document: str


class Recorded(NamedTuple):
    """What a journal holds: documents with a readable reply, and how many replies each document has."""

    scored: frozenset[str]
    replies: Counter[str]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How often and when to kill: at random numbers of successes, spread over the whole run."""

    client_kills: int = 0
    server_kills: int = 0
    down_seconds: float = 2.0
    seed: int = 0

    def marks(self, documents: int) -> list[tuple[int, str]]:
        """Number of successes -> whom to kill, in order; none so late that it might not be reached."""
        draw = random.Random(self.seed)
        whom = ["client"] * self.client_kills + ["server"] * self.server_kills
        draw.shuffle(whom)
        slot = 0.9 * documents / max(1, len(whom))
        return [(int((at + draw.uniform(0.2, 0.95)) * slot), who) for at, who in enumerate(whom)]


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One kill: how things stood right before and right after it.

    Attributes:
        seen: lines in the server's log when the killed had gone and nothing was under way any more.
        in_flight: requests waiting or worked on at the server, right before.
        recorded: what was in the journal, right after.
        unrecorded: documents with a success in the log and none in the journal.
    """

    whom: str
    seen: int
    in_flight: int
    recorded: Recorded
    unrecorded: int


@dataclass(kw_only=True)
class Outcome:
    """What is left of a run."""

    output: Path
    events: list[Event]
    kills: list[Kill]
    most_working: int
    gave_up: list[str] = field(default_factory=list)
    wall_seconds: float = 0.0

    def count(self, event: str) -> int:
        """How often something happened at the server."""
        return sum(one.event == event for one in self.events)

    def rows(self) -> list[dict[str, Any]]:
        """The documents that came out, in order."""
        files = sorted((self.output / "annotate/data").glob("*.parquet"))
        return [row for path in files for row in pq.read_table(path).to_pylist()]

    def data(self) -> dict[str, str]:
        """The digest of each file that came out."""
        files = sorted((self.output / "annotate/data").glob("*.parquet"))
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def bound(self) -> int:
        """How many successes a run that loses nothing may pay twice for."""
        return sum(kill.in_flight + kill.unrecorded for kill in self.kills if kill.whom == "client")


class Log:
    """The server's log, read as it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: list[Event] = []
        self.successes = 0
        self._offset = 0

    def read(self) -> int:
        """Read on; the number of successes so far."""
        if not self.path.exists():
            return 0
        with self.path.open("rb") as file:
            file.seek(self._offset)
            fresh = file.read()
        whole = fresh.rfind(b"\n") + 1
        self._offset += whole
        for line in fresh[:whole].decode().splitlines():
            seconds, event, turn, document = line.split(" ", 3)
            self.events.append(Event(float(seconds), event, int(turn), document))
            self.successes += event == "success"
        return self.successes


class Server:
    """`judge_server` as a process that can be killed and come back at the same port."""

    def __init__(self, log: Path, **options: float) -> None:
        self.log = Log(log)
        self.options = options
        self.port = 0
        self.starts = 0
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it; returns when it listens."""
        self.starts += 1
        given = {"port": self.port, "seed": 1000 + self.starts, "log": self.log.path, **self.options}
        flags = [word for key, value in given.items() for word in (f"--{key}", str(value))]
        self.process = subprocess.Popen([sys.executable, str(SERVER), *flags], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        """``kill -9``."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def stats(self) -> dict[str, Any]:
        """What it says of itself."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/stats", timeout=30) as answer:
            return json.loads(answer.read())

    def in_flight(self) -> int:
        """Requests that wait or are worked on."""
        stats = self.stats()
        return int(stats["working"] + stats["waiting"])


class Client:
    """``curate annotate`` as a process group."""

    def __init__(self, command: Sequence[str], errors: Path) -> None:
        self.errors = errors
        environment = os.environ | {"COLUMNS": "200", "NO_COLOR": "1"}
        with errors.open("wb") as file:
            self.process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=file, env=environment, start_new_session=True, cwd="/"
            )

    def kill(self) -> None:
        """``kill -9`` of the whole group; returns when none of it runs."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        while any(_running(self.process.pid)):
            time.sleep(_POLL_SECONDS)


def _running(group: int) -> Iterator[int]:
    """Processes of a group that are not merely unburied."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            said = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if said[0] not in "ZX" and int(said[2]) == group:
            yield int(path.parent.name)


class Supervisor:
    """One run: keeps client and server going, and kills them by plan."""

    def __init__(self, folder: Path, source: Path, server: Server, plan: Plan, command: Sequence[str]) -> None:
        self.folder, self.server, self.plan = folder, server, plan
        self.output = folder / "out"
        self.command = [*command, str(source), "--output", str(self.output)]
        self.draw = random.Random(plan.seed + 1)
        self.kills: list[Kill] = []
        self.gave_up: list[str] = []
        self.most_working = 0

    def run(self, documents: int, timeout: float) -> Outcome:
        """Until the client ends well, gives up for the third time, or ``timeout`` seconds are over."""
        start = time.monotonic()
        marks = self.plan.marks(documents)
        self.server.start()
        client = self._client()
        try:
            while client.process.poll() != 0 and len(self.gave_up) < 3:
                if time.monotonic() - start > timeout:
                    self.gave_up.append(f"not finished after {timeout} s")
                    break
                if client.process.poll() is not None:
                    self.gave_up.append(client.errors.read_text()[-400:])
                    client = self._client()
                if marks and self.server.log.read() >= marks[0][0]:
                    client = self._kill(marks.pop(0)[1], client)
                time.sleep(_POLL_SECONDS)
            self._note_working()
        finally:
            if client.process.poll() is None:
                client.kill()
            self.server.kill()
        self.server.log.read()
        return Outcome(
            output=self.output, events=self.server.log.events, kills=self.kills, most_working=self.most_working,
            gave_up=self.gave_up, wall_seconds=time.monotonic() - start,
        )  # fmt: skip

    def _client(self) -> Client:
        command = [*self.command, "--judge", f"endpoint:http://127.0.0.1:{self.server.port}#tiny"]
        return Client(command, self.folder / "errors.txt")

    def _kill(self, whom: str, client: Client) -> Client:
        time.sleep(self.draw.uniform(0.0, 0.1))  # not always right after a reply
        in_flight = self.server.in_flight()
        self._note_working()
        if whom == "client":
            client.kill()
            while self.server.in_flight():  # until it has noticed
                time.sleep(_POLL_SECONDS)
        else:
            self.server.kill()
        self.server.log.read()
        recorded = read_journal(self.output)
        paid = {one.document for one in self.server.log.events if one.event == "success"}
        seen, unrecorded = len(self.server.log.events), len(paid - recorded.scored)
        self.kills.append(Kill(whom=whom, seen=seen, in_flight=in_flight, recorded=recorded, unrecorded=unrecorded))
        if whom == "client":
            return self._client()
        time.sleep(self.plan.down_seconds)
        self.server.start()
        return client

    def _note_working(self) -> None:
        self.most_working = max(self.most_working, int(self.server.stats()["most_working"]))


def survive(
    folder: Path,
    source: Path,
    *,
    documents: int,
    plan: Plan,
    concurrency: int,
    delay: float,
    faults: Mapping[str, float] = {},
    options: Sequence[str] = (),
    timeout: float = 600.0,
) -> Outcome:
    """Annotate ``source`` against a server of ours, with kills by plan; ``options`` are further ones of the command."""
    folder.mkdir(parents=True)
    server = Server(folder / "served.log", delay=delay, **{"at-once": concurrency}, **faults)
    command = [*CURATE, "annotate", "--prompt", PROMPT, "--concurrency", str(concurrency), *options]
    return Supervisor(folder, source, server, plan, command).run(documents, timeout)


def read_journal(output: Path) -> Recorded:
    """What is durably recorded; half a line is not."""
    scored, replies = set(), Counter[str]()
    for path in sorted((output / "annotate/journal").rglob("*.jsonl")):
        for line in path.read_text().splitlines():
            try:
                text = json.dumps(json.loads(line), ensure_ascii=False)
            except ValueError:
                continue
            for document, kind in set(_SAID.findall(text)):
                replies[document] += 1
                if kind == "was read":
                    scored.add(document)
    return Recorded(frozenset(scored), replies)


def asked_again(outcome: Outcome) -> list[tuple[int, str, int]]:
    """Number of the kill, document and turn of each request whose reply was in the journal at that kill."""
    found = []
    for number, kill in enumerate(outcome.kills):
        for one in outcome.events[kill.seen :]:
            recorded = kill.recorded
            if one.event == "ask" and (one.document in recorded.scored or recorded.replies[one.document] >= one.turn):
                found.append((number, one.document, one.turn))
    return found


def paid_twice(outcome: Outcome) -> Counter[str]:
    """Each success of a document that had one already, by who was killed between the two: "nobody" is waste."""
    causes: Counter[str] = Counter()
    before: dict[str, int] = {}
    for at, one in enumerate(outcome.events):
        if one.event != "success":
            continue
        if one.document in before:
            between = {kill.whom for kill in outcome.kills if before[one.document] < kill.seen <= at}
            causes["client" if "client" in between else "server" if between else "nobody"] += 1
        before[one.document] = at
    return causes


def differing_columns(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """In how many rows each column differs."""
    return Counter(key for a, b in zip(one, other, strict=True) for key in a if a[key] != b[key])


def unexplained(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ids of rows that differ in more than what tells of reminders, of a document that needed one."""
    ids = []
    for a, b in zip(one, other, strict=False):
        reminded = a.get("first_reply") is not None or b.get("first_reply") is not None
        if any(a[key] != b[key] and not (reminded and key in _TOLD_OF_REMINDERS) for key in a):
            ids.append(a["id"])
    return ids


def problems(outcome: Outcome, calm: Outcome, ids: Sequence[str]) -> list[str]:
    """What was lost or wasted, in words; empty if nothing was."""
    rows, calm_rows = outcome.rows(), calm.rows()
    found = [f"the client gave up: {said}" for said in (*outcome.gave_up, *calm.gave_up)]
    for name, out in (("the killed run", rows), ("the calm run", calm_rows)):
        if [row["id"] for row in out] != list(ids):
            found.append(f"{name}: {len(out)} documents, or another order than the {len(ids)} of the input")
    labels = [(row["id"], row["label"]) for row in rows]
    if labels != [(row["id"], row["label"]) for row in calm_rows] or not all(label is not None for _, label in labels):
        found.append("the labels differ from the calm run's, or some are missing")
    if different := unexplained(rows, calm_rows):
        found.append(f"{len(different)} documents differ from the calm run's: {different[:3]}")
    if again := asked_again(outcome):
        found.append(f"{len(again)} recorded replies were asked for again: {again[:3]}")
    excess = outcome.count("success") - len(ids)
    if not 0 <= excess <= outcome.bound():
        found.append(f"{excess} successes more than documents, at most {outcome.bound()} were to be expected")
    if wasted := paid_twice(outcome)["nobody"]:
        found.append(f"{wasted} successes were paid twice without any kill between them")
    if calm.count("success") != len(ids) or calm.count("ask") != len(ids):
        found.append(f"the calm run asked {calm.count('ask')} times for {len(ids)} documents")
    return found


def write_documents(path: Path, count: int, characters: int = 4000, seed: int = 0) -> list[str]:
    """Parquet of made-up documents, each of about ``characters`` and with its id in its text; returns the ids."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(2000)]
    paragraphs = [" ".join(draw.choices(words, k=60)) for _ in range(500)]
    ids = [f"d{number:06d}" for number in range(count)]
    schema = pa.schema({"id": pa.string(), "text": pa.string()})
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, count, 1000):
            chosen = ids[start : start + 1000]
            texts = [f"[document {one}] {_some(paragraphs, characters, draw)}" for one in chosen]
            writer.write_table(pa.table({"id": chosen, "text": texts}, schema=schema))
    return ids


def _some(paragraphs: Sequence[str], characters: int, draw: random.Random) -> str:
    return "\n\n".join(draw.choices(paragraphs, k=1 + characters // 390))[:characters]
