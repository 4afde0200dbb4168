"""Ten thousand broken pages through ``extract_page``: none may raise, none may take long.

Any exception fails the run, and so does a page that takes over ``MOST_SECONDS`` of CPU. Python can be interrupted
then, native code cannot: that ends the whole run after ``HANG_SECONDS``. The page that is being read lies in
``reading.html`` of the folder that is printed, so that a hang or a crash of the process leaves its cause behind.
"""

from __future__ import annotations

import faulthandler
import signal
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from types import FrameType

from curation.html.extract import Page, extract_page
from tests.bench.extraction.mutations import mutated
from tests.bench.extraction.pages import read_pages
from tests.bench.extraction.table import title

COUNT = 10_000
MOST_SECONDS = 20
HANG_SECONDS = 300
FOLDER = Path(tempfile.gettempdir()) / "curation-bench-mutated"


class TooLong(BaseException):
    """No Exception, lest the code under test takes it for one of its own."""


def mutated_pages(every: int = 1) -> list[str]:
    """Prints counts by reason and the ten slowest; gives the exceptions."""
    title(f"{COUNT // every:,} mutated pages; the one being read, the slowest and the failing lie in {FOLDER}")
    FOLDER.mkdir(exist_ok=True)
    signal.signal(signal.SIGVTALRM, _too_long)
    sources = [page.html for name in ("math", "gold", "pages") for page in read_pages(name)]
    reasons: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    slowest: list[tuple[float, int, str, int]] = []
    failures: list[str] = []
    for number in range(0, COUNT, every):
        html, kind = mutated(number, sources)
        kinds[kind] += 1
        seconds, page, error = _read(html)
        if error is not None:
            failures.append(f"mutation {number} ({kind}): {error}")
            _keep(f"failing-{number}", html)
        reasons.update([*page.reasons, "has_mathematics"] if page.has_mathematics else page.reasons or ["none"])
        slowest = sorted([*slowest, (seconds, number, kind, len(html))], reverse=True)[:10]
    faulthandler.cancel_dump_traceback_later()
    _tell(kinds, reasons, slowest, failures)
    for _, number, _, _ in slowest:
        _keep(f"slow-{number}", mutated(number, sources)[0])
    return failures


def _read(html: str) -> tuple[float, Page, str | None]:
    _keep("reading", html)
    faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    started = time.process_time()
    try:
        page, error = extract_page(html), None
        page.text.encode("utf-8")
    # A panic of Rust code is no Exception.
    except BaseException as failure:
        if isinstance(failure, KeyboardInterrupt):
            raise
        page, error = Page("", False, None, None, ("EXCEPTION",)), "".join(traceback.format_exception(failure)[-3:])
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return time.process_time() - started, page, error


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TooLong(f"over {MOST_SECONDS} s of CPU")


def _tell(
    kinds: Counter[str], reasons: Counter[str], slowest: list[tuple[float, int, str, int]], failures: list[str]
) -> None:
    print("mutations: " + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))
    print("reasons:   " + ", ".join(f"{reason} {count}" for reason, count in reasons.most_common()))
    for seconds, number, kind, chars in slowest:
        print(f"   {seconds:7.3f} s  {chars:9,d} chars  mutation {number} ({kind})")
    for failure in failures[:20]:
        print(f"FAILED {failure}")
    print(f"exceptions: {len(failures)}")


def _keep(name: str, html: str) -> None:
    (FOLDER / f"{name}.html").write_text(html, encoding="utf-8", errors="surrogatepass")
