"""How much of a judge's server the client uses, and what it costs: requests a second, CPU and memory.

    PYTHONPATH=. python tests/bench/bench_judge.py [--quick] [--sizes 10000 100000] [--sides ask annotate runner]
    chrt -r 1 env PYTHONPATH=. python tests/bench/bench_judge.py --concurrency 640  # before all others on the machine

Against a server of ours that answers after 200 ms and works on 512 requests at once, so that 2,560 a second are
possible. First what a client that reads nothing reaches, without and with the delay: the former says that the server is
not in the way. Then each side in a process of its own, one after another: the judge alone (``ask``), the whole of
``curate annotate`` (its stage ``annotate``; drawing the sample is not counted), and datatrove's InferenceRunner without
and with its checkpoints.

``whole`` is the share over all of a side's time, with its start and its last requests, which leave the server partly
idle: with 512 in flight N requests need at least ceil(N / 512) times 200 ms, the ``limit``. ``steady`` is the share
between the 512th reply and the 512th before the last. CPU is that of the client alone, of all its processes. Memory is
the highest sum of their proportional sets (PSS), looked at four times a second from the first request on. ``others`` is
what all else on the machine took of its CPU time meanwhile: where it is more than a few per cent, the figures are those
of a busy machine.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.annotation.survival import Server, write_documents
from tests.bench.judging.datatrove_side import missing_packages
from tests.bench.judging.raw import requests_a_second
from tests.bench.judging.side import SIDES, cpu_seconds, tree

DELAY, AT_ONCE = 0.2, 512
POSSIBLE = AT_ONCE / DELAY
_PSS = re.compile(r"^Pss:\s+(\d+)", re.MULTILINE)


def main() -> None:
    given = _read_arguments()
    with tempfile.TemporaryDirectory(prefix="judge-bench-") as scratch:
        folder = Path(scratch)
        _show_raw(folder)
        print(f"\n{'documents':>9} {'side':18} {'seconds':>8} {'limit':>6} {'whole':>6} {'steady':>6}", end="")
        print(f" {'CPU ms':>7} {'peak MB':>8} {'server ms':>9} {'asked':>7} {'failed':>6} {'others':>6}")
        for size in given.sizes:
            source = folder / f"{size}.parquet"
            write_documents(source, size)
            for side in given.sides:
                if side.startswith("runner") and (missing := missing_packages()):
                    print(f"{size:9,} {side:18} skipped: pip install {' '.join(missing)}")
                else:
                    _show(size, side, *_measure(folder / f"{side}-{size}", side, source, given.concurrency))


def _show_raw(folder: Path) -> None:
    """What this machine and the server can do."""
    body = json.dumps({"messages": [{"role": "user", "content": "[document 1] " + "word " * 1200}]}).encode()
    for delay in (0.0, DELAY):
        server = Server(folder / "raw.log", delay=delay, **{"at-once": AT_ONCE})
        server.start()
        total = 40 * AT_ONCE
        rate = requests_a_second(server.port, body, total, AT_ONCE)
        each = server.stats()["cpu_seconds"] / total
        server.kill()
        print(f"a client that reads nothing, {total:,} requests, {delay} s: {rate:,.0f}/s", end="")
        print(f", {rate / POSSIBLE:.3f} of the possible" if delay else "", f"(server {each * 1e3:.3f} ms CPU each)")


def _measure(folder: Path, side: str, source: Path, concurrency: int) -> tuple[dict[str, Any], list[float]]:
    """What was measured, and when the server sent its replies."""
    folder.mkdir()
    server = Server(folder / "served.log", delay=DELAY, **{"at-once": AT_ONCE})
    server.start()
    command = [sys.executable, "-m", "tests.bench.judging.side", side, "--url", f"http://127.0.0.1:{server.port}"]
    command += ["--input", str(source), "--folder", str(folder), "--concurrency", str(concurrency)]
    busy, own, start = _busy_seconds(), time.process_time(), time.monotonic()
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            peak, client = _watch(process, server.log.path)
            assert process.stdout is not None
            said = json.loads(process.stdout.read().strip().splitlines()[-1])
        stats = server.stats()
    finally:
        server.kill()
    took = (time.monotonic() - start) * (os.cpu_count() or 1)
    others = _busy_seconds() - busy - (time.process_time() - own) - client - stats["cpu_seconds"]
    server.log.read()
    measured = {**said, "peak": peak, "others": max(0.0, others / took), "server": stats["cpu_seconds"]}
    return measured | stats["counts"], [one.seconds for one in server.log.events if one.event == "success"]


def _watch(process: subprocess.Popen[str], log: Path) -> tuple[float, float]:
    """Until the side ends: the peak of its memory from its first request on, in bytes, and its CPU seconds."""
    peak, cpu = 0, 0.0
    while process.poll() is None:
        below = tree(process.pid)
        if log.exists():  # drawing the sample, before it, is another matter
            peak = max(peak, sum(map(_pss, below)))
        cpu = max(cpu, sum(map(cpu_seconds, below)))
        time.sleep(0.25)
    return peak, cpu


def _busy_seconds() -> float:
    """CPU seconds that this machine has worked: all but idle, waiting and stolen."""
    fields = Path("/proc/stat").read_text().split()[1:8]
    return sum(int(value) for at, value in enumerate(fields) if at not in (3, 4)) / os.sysconf("SC_CLK_TCK")


def _pss(process: int) -> int:
    try:
        found = _PSS.search(Path(f"/proc/{process}/smaps_rollup").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def _show(size: int, side: str, measured: dict[str, Any], sent: list[float]) -> None:
    steady = (len(sent) - 2 * AT_ONCE) / (sent[-AT_ONCE - 1] - sent[AT_ONCE - 1]) if len(sent) > 3 * AT_ONCE else 0.0
    limit = size / (math.ceil(size / AT_ONCE) * DELAY)
    whole = size / measured["seconds"]
    print(
        f"{size:9,} {side:18} {measured['seconds']:8.2f} {limit / POSSIBLE:6.3f} {whole / POSSIBLE:6.3f} "
        f"{steady / POSSIBLE:6.3f} {measured['cpu_seconds'] / size * 1e3:7.3f} {measured['peak'] / 1e6:8.0f} "
        f"{measured['server'] / size * 1e3:9.3f} {measured['ask']:7,} {measured['failed']:6,} "
        f"{measured['others']:6.1%}",
        flush=True,
    )


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000], help="numbers of documents")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--concurrency", type=int, default=AT_ONCE, help="requests that a client has in flight")
    parser.add_argument("--quick", action="store_true", help="2,000 documents; CURATION_BENCH_QUICK=1 says the same")
    given = parser.parse_args()
    if given.quick or os.environ.get("CURATION_BENCH_QUICK"):
        given.sizes = [2_000]
    return given


if __name__ == "__main__":
    main()
