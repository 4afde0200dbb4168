"""Whether judging loses or wastes anything while server and client are killed.

    PYTHONPATH=. python tests/bench/bench_judge_faults.py [--quick] [--documents N] [--seed N] [--folder DIR]

5,000 documents against a server of ours that answers 10 % 429, 5 % 500, drops 2 % of the connections, and sends 2 %
empty replies and 5 % garbage; it is killed twice and stays away for two seconds, and ``curate annotate`` is killed five
times, all with -9 at random moments. Then the same against a server without faults. What must hold is in
`tests.annotation.survival.problems`; anything that does not ends the bench with status 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.annotation.survival import (
    ISSUE_FAULTS,
    Outcome,
    Plan,
    differing_columns,
    paid_twice,
    problems,
    survive,
    write_documents,
)

OPTIONS = ("--reminders", "3", "--workers", "1")


def main() -> None:
    given = _read_arguments()
    with tempfile.TemporaryDirectory(prefix="judge-faults-") as scratch:
        folder = Path(given.folder or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        source = folder / "documents.parquet"
        ids = write_documents(source, given.documents)
        settings = {"documents": len(ids), "concurrency": given.concurrency, "delay": given.delay, "options": OPTIONS}
        plan = Plan(client_kills=given.client_kills, server_kills=given.server_kills, seed=given.seed)
        killed = survive(folder / "killed", source, plan=plan, faults=ISSUE_FAULTS, **settings)
        calm = survive(folder / "calm", source, plan=Plan(), **settings)
        _show(killed, calm, ids)
        found = problems(killed, calm, ids)
    for problem in found:
        print("FAILED", problem)
    sys.exit(1 if found else 0)


def _show(killed: Outcome, calm: Outcome, ids: list[str]) -> None:
    print(f"{len(ids)} documents; killed run {killed.wall_seconds:.1f} s, calm run {calm.wall_seconds:.1f} s")
    happened = Counter(one.event for one in killed.events)
    print("server, killed run:", ", ".join(f"{count} {event}" for event, count in happened.most_common()))
    print("   killed  after successes  in flight  with a reply in the journal  replies not in the journal")
    for kill in killed.kills:
        successes = sum(one.event == "success" for one in killed.events[: kill.seen])
        row = (successes, kill.in_flight, len(kill.recorded.scored), kill.unrecorded)
        print(f"   {kill.whom:6s}  {row[0]:15d}  {row[1]:9d}  {row[2]:27d}  {row[3]:26d}")
    print(
        f"successes {happened['success']}, {happened['success'] - len(ids)} more than documents; "
        f"bound {killed.bound()}: in flight or not in the journal when the client was killed"
    )
    print("successes paid twice, by who was killed between:", dict(paid_twice(killed)) or "none")
    rows, calm_rows = killed.rows(), calm.rows()
    print("documents out:", len(rows), "in input order:", [row["id"] for row in rows] == ids)
    if len(rows) == len(calm_rows):
        print("rows that differ from the calm run's, by column:", dict(differing_columns(rows, calm_rows)) or "none")
        print("files of data/ of the same bytes:", killed.data() == calm.data())


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--delay", type=float, default=0.2, help="seconds of work for each request")
    parser.add_argument("--client-kills", type=int, default=5)
    parser.add_argument("--server-kills", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--folder", help="keep all files there")
    parser.add_argument(
        "--quick", action="store_true", help="1,000 documents, two kills of the client, one of the server"
    )
    given = parser.parse_args()
    if given.quick:
        given.documents, given.client_kills, given.server_kills = 1000, 2, 1
    return given


if __name__ == "__main__":
    main()
