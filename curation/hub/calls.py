"""Calls of the Hub that survive what a long upload meets, and say in words what they do not.

Example: ``call = HubCalls("me/pages", token, say=print)``, then ``call("commit", lambda: api.create_commit(…))``

A rate limit (429), a server in trouble (500, 502, 503, 504) and a dropped connection are waited out: twice as long each
time, with jitter so that several uploads do not come back at once, or as long as the answer asks for. What no waiting
mends is a ConfigError that says what to do. The token is in no message: neither ours nor one that is passed on.
"""

from __future__ import annotations

import contextlib
import logging
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from curation.errors import ConfigError, CurationError
from curation.retry import Backoff, seconds_asked

T = TypeVar("T")
Say = Callable[[str], None]

TRIES = 6
LONGEST_WAIT_SECONDS = 600.0  # the Hub counts requests over windows of 300 s
_BACKOFF = Backoff(first_seconds=2.0, longest_seconds=60.0)
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_MOVED = frozenset({409, 412})  # somebody else, or our own try whose answer was lost, has committed meanwhile
_FULL = frozenset({402, 507})
_EXPIRED = re.compile("request has expired|accessdenied|signature", re.IGNORECASE)  # a new try gets a new address
_FULL_WORDS = ("storage", "quota", "upgrade your plan", "payment")
_GO_ON = "what is committed stays, the same command goes on from there"
LOGIN = (
    "log in with `hf auth login`, or set HF_TOKEN to a token that may write "
    "(they are made in the settings of your account there)"
)


def find_token(token: str | None) -> str:
    """The token that is given, or that of the environment or of the login.

    Raises:
        ConfigError: if there is none, or it cannot be one; the message does not show it.
    """
    from huggingface_hub import get_token

    found = (token or get_token() or "").strip()
    if not found:
        raise ConfigError(f"no login for the Hub: {LOGIN}")
    if not re.fullmatch(r"[!-~]+", found):  # an HTTP client would quote it in its complaint
        raise ConfigError(f"the token for the Hub holds characters that no token has: {LOGIN}")
    return found


class HubCalls:
    """Runs calls of one repository again where that can help.

    Args:
        repo: the repository, for messages.
        token: only to keep it out of messages.
        say: takes a line for each wait.
    """

    def __init__(self, repo: str, token: str, say: Say) -> None:
        self.repo, self._token, self.say = repo, token, say

    def __call__(self, doing: str, work: Callable[[], T]) -> T:
        """The result of ``work``, tried at most `TRIES` times.

        Raises:
            ConfigError: if the login, the repository's name, its kind or the room in it are to be mended.
            CurationError: if the Hub stays out of reach.
        """
        for tried in range(1, TRIES + 1):
            try:
                return work()
            except Exception as error:
                if not _of_the_hub(error):
                    raise
                failure = self._failure(error, doing, tried)
            if isinstance(failure, CurationError):
                raise failure  # outside of `except`: the request, with its headers, is not kept as its context
            self.say(f"{doing}: {failure[1]}; trying again in {failure[0]:.0f} s ({tried} of {TRIES} tries)")
            time.sleep(failure[0])
        raise AssertionError("unreachable: the last try returns or raises")

    def clean(self, text: str) -> str:
        """A message without the token, and without what signs an address."""
        text = re.sub(r"(https?://[^\s?'\"]+)\?[^\s'\"]*", r"\1", text)
        return text.replace(self._token, "…")

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """What huggingface_hub logs, such as its own waits during an upload, goes to ``say``, cleaned.

        Where its debugging is switched on, nothing is taken away.
        """
        logger = logging.getLogger("huggingface_hub")
        heard = _Heard(lambda line: self.say(self.clean(line)))
        kept = logger.handlers[:]
        with _no_bars():
            if not logger.isEnabledFor(logging.DEBUG):
                logger.handlers = [heard]
            try:
                yield
            finally:
                logger.handlers = kept

    def _failure(self, error: Exception, doing: str, tried: int) -> CurationError | tuple[float, str]:
        """What to raise, or how many seconds to wait and why."""
        cause = _cause(error)
        if isinstance(cause, CurationError):
            return cause
        status = _status(cause)
        words = self.clean(_words(cause))
        if status is None and not _dropped(cause):
            return ConfigError(f"{self.repo}: {doing}: {_full_or(words)}")
        expired = status == 403 and _EXPIRED.search(words)
        if status is not None and status not in _TRANSIENT | _MOVED and not expired:
            return self._refusal(status, words, doing)
        why = words if status is None else f"{status} {_NAMES.get(status, '')}".rstrip()
        if tried == TRIES:
            return CurationError(f"{self.repo}: {doing}: {why}, {TRIES} times; {_GO_ON}")
        asked = asked_wait(getattr(getattr(cause, "response", None), "headers", None) or {})
        if asked is not None and asked > LONGEST_WAIT_SECONDS:
            return CurationError(f"{self.repo}: {doing}: {why}, {_too_long(asked)}")
        return _wait(tried, asked), why

    def _refusal(self, status: int, words: str, doing: str) -> ConfigError:
        if status == 401:
            return ConfigError(f"{self.repo}: the Hub does not accept this login: {LOGIN}")
        if status in _FULL or (status == 403 and any(word in words.lower() for word in _FULL_WORDS)):
            return ConfigError(f"{self.repo}: {_full(words)}")
        if status == 403:
            return ConfigError(f"{self.repo}: this login may not write there ({words}): {LOGIN}")
        if status == 404:
            return ConfigError(f"{self.repo}: {doing}: not found on the Hub ({words}); is the name right?")
        return ConfigError(f"{self.repo}: {doing}: the Hub refuses it ({status}: {words})")


_NAMES = {
    408: "request timed out",
    403: "the address for the upload has expired",
    409: "somebody else is writing to the repository",
    412: "the repository has changed meanwhile",
    429: "too many requests",
    500: "server error",
    502: "bad gateway",
    503: "service unavailable",
    504: "gateway timed out",
}


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait: by Retry-After in seconds or as a date, or by the Hub's own RateLimit."""
    given = {name.lower(): value.strip() for name, value in headers.items()}
    after = seconds_asked(given.get("retry-after", ""))
    if after is not None:
        return after
    limit = re.search(r"r\s*=\s*0\s*;\s*t\s*=\s*(\d+)", given.get("ratelimit", ""))
    return float(limit[1]) if limit else None


def _wait(tried: int, asked: float | None) -> float:
    if asked is not None:
        return asked + random.uniform(0.5, 1.0)  # never before the time that was asked for
    return _BACKOFF.delay(tried - 1)


def _cause(error: BaseException) -> BaseException:
    """The answer or the broken connection below: huggingface_hub wraps what fails in one of its threads."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, CurationError) or _status(below) is not None or _is_transport(below):
            return below
        below = below.__cause__
    return error


def _of_the_hub(error: Exception) -> bool:
    """Whether it tells of the Hub or of the files, not of a slip in a program."""
    if isinstance(error, UnicodeError | NotImplementedError | RecursionError):
        return False
    return isinstance(error, OSError | ValueError | RuntimeError) or _cause(error) is not error or _is_transport(error)


def _status(error: BaseException) -> int | None:
    """That of the answer; the uploader of the Hub's newer storage has it in its words only."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is None and (said := re.search(r"HTTP status \w+ error \((\d{3})", str(error))):
        status = said[1]
    return int(status) if status is not None else None


def _is_transport(error: BaseException) -> bool:
    """By name: huggingface_hub has used requests, httpx and httpx2 by turns."""
    return any(kind.__name__ in ("TransportError", "ConnectionError", "Timeout") for kind in type(error).__mro__)


def _dropped(error: BaseException) -> bool:
    """Whether it is a broken connection; the uploader of the newer storage calls some of them RuntimeError."""
    if type(error).__name__ in ("OfflineModeIsEnabled", "XetAuthenticationError"):
        return False
    return _is_transport(error) or isinstance(error, TimeoutError) or type(error) is RuntimeError


def _words(error: BaseException) -> str:
    said = getattr(error, "server_message", None) or str(error) or type(error).__name__
    return re.sub(r"\s+", " ", str(said)).strip()


def _full(words: str) -> str:
    return f"there is no more room on the Hub: {words}"


def _full_or(words: str) -> str:
    return _full(words) if any(word in words.lower() for word in _FULL_WORDS) else words


class _Heard(logging.Handler):
    def __init__(self, say: Say) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Pass it on; huggingface_hub announces a wait before it begins, however long the server asked for."""
        line = record.getMessage()
        wait = re.search(r"Waiting ([\d.]+) ?s", line)
        if wait and float(wait[1]) > LONGEST_WAIT_SECONDS:
            raise CurationError(f"too many requests, {_too_long(float(wait[1]))}")
        self._say(line)


def _too_long(seconds: float) -> str:
    return f"and the Hub asks to wait {seconds:,.0f} s; {_GO_ON}"


@contextlib.contextmanager
def _no_bars() -> Iterator[None]:
    """Without huggingface_hub's own bars; the environment may insist on them, or have them off for good."""
    from huggingface_hub import constants
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    decided = constants.HF_HUB_DISABLE_PROGRESS_BARS is not None
    if decided or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
