"""From a recipe's words to judges that can be asked; one per process, because a server that we start serves all shards.

askers = open_askers("vllm:meta-llama/Llama-3.1-70B-Instruct", prompt, Judging())
cutter = open_cutter("vllm:meta-llama/Llama-3.1-70B-Instruct", prompt, Judging())
"""

from __future__ import annotations

import atexit
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from curation.annotation.constrain import constraint_body, own_constraints
from curation.annotation.cutting import Cutter, judge_tokenizer, special_tokens
from curation.annotation.judge import Judge, judge_identity, open_judge
from curation.annotation.judging import Judging
from curation.annotation.prompt import GENERATION, Prompt
from curation.annotation.reading import Asker
from curation.annotation.vllm_options import (
    LOCAL_OPTIONS,
    SERVER_OPTIONS,
    TUNING_OPTIONS,
    check_options,
    find_vllm,
    interpreter,
)
from curation.errors import ConfigError
from curation.gpus import gpus_needed

_TOP_LOGPROBS = 20  # as many as vLLM and OpenAI give; a digit may come with a blank, bold, or in another script


def open_askers(judge: str, prompt: Prompt, judging: Judging) -> list[Asker]:
    """The judge, and the second judge where there is one.

    Raises:
        ConfigError: if a location is of no known kind or incomplete.
        ContentError: if the prompt's constraint cannot be written.
    """
    prompt = replace(prompt, special_tokens=special_tokens(judge_tokenizer(judge, judging.tokenizer)))
    return [_asker(*one, prompt, judging) for one in _locations(judge, judging)]


def check_judges(judge: str, prompt: Prompt, judging: Judging) -> None:
    """Whatever can be known before any work.

    Raises:
        ConfigError: if a judge cannot be reached, or is asked for what it cannot give.
        ContentError: if the prompt's constraint cannot be written.
    """
    if judge.startswith("replay:"):
        for name, is_asked in (("repeat", judging.repeat > 1), ("expected_label", judging.expected_label)):
            if is_asked:
                raise ConfigError(f"judge {judge}: recorded replies know nothing of `{name}`")
    for location, options, key_env in _locations(judge, judging):
        _refuse_secrets(location, options, key_env)
        if location.startswith("vllm:"):  # before its tokenizer is looked for on the Hub
            check_options(options)
            find_vllm(interpreter(options))
        elif started := [name for name in SERVER_OPTIONS if name in options]:
            raise ConfigError(
                f"judge_options: {', '.join(started)}: these start a server of vllm:MODEL, but {location} runs already "
                "and would be sent them with every request; take them out, judge_options: {} empties all"
            )
    if judging.repeat > 1 and "seed" in _body_options(judge, judging.judge_options):
        raise ConfigError(
            "judge_options: seed: each further reading has a seed of its own; set generation.seed instead"
        )
    if judging.expected_label and not 0 <= prompt.scale.low < prompt.scale.high <= 9:
        low, high = prompt.scale.low, prompt.scale.high
        raise ConfigError(f"expected_label: needs labels of one digit, the scale of {prompt.name} is {low} to {high}")
    for asker in open_askers(judge, prompt, judging):
        asker.judge.check()
        asker.judge.close()  # opened again where it is asked: in a task, perhaps on another machine
    judge_tokenizer(judge, judging.tokenizer)


def open_cutter(judge: str, prompt: Prompt, judging: Judging, *, ask_server: bool = True) -> Cutter:
    """What cuts documents for the first judge; all judges are shown the same.

    Args:
        judge: the first judge.
        prompt: with the settings of ``judging``.
        judging: says tokenizer and context, if they are not to be looked for.
        ask_server: whether a server may be asked, or even started, to learn its context.

    Raises:
        ConfigError: if a tokenizer cannot be had.
    """
    tokenizer = judge_tokenizer(judge, judging.tokenizer)
    context = judging.context_tokens or judging.judge_options.get("max_model_len")
    if tokenizer is not None and not isinstance(context, int) and ask_server:
        context = open_askers(judge, prompt, judging)[0].judge.context_tokens()
    sent = _sent(replace(prompt, special_tokens=special_tokens(tokenizer)), _body_options(judge, judging.judge_options))
    return Cutter(sent, tokenizer, context if isinstance(context, int) else None, judging.reminders)


def lasting_options(location: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options without those that say only how a server is started and how fast it is: no part of what was asked."""
    if not location.startswith("vllm:"):
        return dict(options)
    passing = {*LOCAL_OPTIONS, *TUNING_OPTIONS}
    return {key: value for key, value in options.items() if key.strip("-").replace("-", "_") not in passing}


def sent_options(location: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """For a report: not what says how a server is started here, such as ``env``; of recorded replies nothing."""
    return {} if location.startswith("replay:") else lasting_options(location, options)


def gpus_of(judge: str, judging: Judging) -> int:
    """How many GPUs a task keeps busy: of ``vllm:`` the product of its parallel sizes, of others 1."""
    return max(1, gpus_needed(judging.judge_options)) if judge.startswith("vllm:") else 1


def _refuse_secrets(location: str, options: Mapping[str, Any], key_env: str | None) -> None:
    """Location and options are written into the run's records; a key that goes nowhere is a mistake."""
    if key_env is not None and not location.startswith("endpoint:"):
        raise ConfigError(f"key_env: {key_env}: only a judge endpoint:URL#MODEL is sent a key, not {location}")
    if location.startswith("endpoint:") and "@" in location.partition("#")[0]:
        raise ConfigError("judge: a password in the URL would stand in the run's records; --key-env names a variable")
    if key_env is not None and not key_env.isidentifier():
        raise ConfigError("key_env: expected the name of an environment variable, not a key")
    for name in ("api_key", "authorization"):
        if location.startswith("endpoint:") and name in options:
            raise ConfigError(f"judge_options: {name} would stand in the run's records; --key-env names a variable")


def _locations(judge: str, judging: Judging) -> Iterator[tuple[str, Mapping[str, Any], str | None]]:
    yield judge, judging.judge_options, judging.key_env
    if judging.second_judge:
        yield judging.second_judge, judging.second_options, judging.second_key_env


def _body_options(location: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those of a judge's options that go into the body of a request."""
    return (options.get("body") or {}) if location.startswith("vllm:") else options


def _sent(prompt: Prompt, own: Mapping[str, Any]) -> Prompt:
    """The prompt with the generation settings that are sent: options win."""
    return replace(prompt, generation={**prompt.generation, **{key: own[key] for key in GENERATION if key in own}})


def _asker(location: str, options: Mapping[str, Any], key_env: str | None, prompt: Prompt, judging: Judging) -> Asker:
    own = _body_options(location, options)
    body = {**prompt.generation, **({} if own_constraints(own) else constraint_body(_sent(prompt, own)))}
    if judging.expected_label:
        body |= {"logprobs": True, "top_logprobs": _TOP_LOGPROBS}
    ways = {
        "key_env": key_env,
        "concurrency": judging.concurrency,
        "timeout_seconds": judging.timeout_seconds,
        "patience_seconds": judging.patience_seconds,
    }
    said = [judge_identity(location), lasting_options(location, options), judging.expected_label]
    identity = json.dumps(said, sort_keys=True)
    return Asker(
        judge=_judge(location, *(json.dumps(dict(one), sort_keys=True) for one in (body, options, ways))),
        identity=identity,
        prompt=prompt,
        # Recorded replies have nothing to add.
        reminders=0 if location.startswith("replay:") else judging.reminders,
        wants_expected=judging.expected_label,
    )


@lru_cache(maxsize=4)
def _judge(location: str, body: str, options: str, ways: str) -> Judge:
    judge = open_judge(location, generation=json.loads(body), options=json.loads(options), **json.loads(ways))
    atexit.register(judge.close)
    return judge
