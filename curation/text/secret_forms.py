"""The forms by which keys are known, and the cheap hint that a line must hold before one is looked for.

Example: ``form_patterns()`` holds ``Form("github_token", …)``, which is looked for in lines with ``ghp_`` and a few
others. The forms are those of the plugins of `detect-secrets` (which StarCoder's data went through, too), taken from
its classes without its settings, which are global; a few that it does not have follow from what their vendors publish.

Left out of its 27 plugins: public IPs (`curation.text.personal`), Artifactory (its ``AP…`` fits words such as
APACHE2LICENSE, and the quotes are part of what it finds), and strings of high entropy and named values, which
`curation.text.secrets` takes only with further conditions.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from curation.errors import ConfigError


class Found(NamedTuple):
    """A secret in a line or text: where it starts and ends, and its kind."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Form:
    """Keys of one kind.

    Args:
        kind: as reported.
        patterns: run on one line each.
        hints: lowercase; each pattern matches only in a line that has one of them or of the signs.
        signs: patterns that begin with a fixed character, so that they are found fast.
        also: what such a line must have beside it.
        whole: the whole match is the key, else the first group where there is one.
    """

    kind: str
    patterns: tuple[re.Pattern[str], ...]
    hints: tuple[str, ...] = ()
    signs: tuple[re.Pattern[str], ...] = ()
    also: re.Pattern[str] | None = None
    whole: bool = False


_NAMED = ("key", "pass", "pw", "token")
_LONG = re.compile("[A-Za-z0-9_-]{24}")
_HINTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("aws", "AWSKeyDetector"): ("a3t", "abia", "acca", "akia", "asia", "aws"),
    ("azure_storage_key", "AzureStorageKeyDetector"): ("accountkey=",),
    ("basic_auth", "BasicAuthDetector"): ("://",),
    ("cloudant", "CloudantDetector"): ("cloudant", *_NAMED),
    ("ibm_cloud_iam", "IbmCloudIamDetector"): _NAMED,
    ("ibm_cos_hmac", "IbmCosHmacDetector"): ("secret",),
    ("jwt", "JwtTokenDetector"): ("eyj",),
    ("mailchimp", "MailchimpDetector"): ("-us",),
    ("npm", "NpmDetector"): (":_authtoken=",),
    ("openai", "OpenAIDetector"): ("t3blbkfj",),
    ("pypi_token", "PypiTokenDetector"): ("pypi-age",),
    ("sendgrid", "SendGridDetector"): ("sg.",),
    ("slack", "SlackDetector"): ("xox", "hooks.slack.com/services/"),
    ("softlayer", "SoftlayerDetector"): ("softlayer", *_NAMED),
    ("square_oauth", "SquareOAuthDetector"): ("sq0csp-",),
    ("stripe", "StripeDetector"): ("k_live_",),
}
_SIGNS: dict[tuple[str, str], tuple[str, ...]] = {
    ("discord", "DiscordBotTokenDetector"): (r"\.[a-zA-Z\d_-]{6}\.[a-zA-Z\d_-]{27}",),
    ("github_token", "GitHubTokenDetector"): ("gh[opusr]_[A-Za-z0-9_]{36}",),
    ("gitlab_token", "GitLabTokenDetector"): ("gl[a-z]{2,6}-", "GR1348941"),
    ("telegram_token", "TelegramBotTokenDetector"): (":[0-9A-Za-z_-]{35}",),
    ("twilio", "TwilioKeyDetector"): ("AC[a-z0-9]{32}", "SK[a-z0-9]{32}"),
}
_KINDS = {"aws": "aws_key", "ibm_cloud_iam": "ibm_key", "ibm_cos_hmac": "ibm_key", "square_oauth": "square_key"}
_WHOLE = ("github_token", "gitlab_token", "slack")

# Each begins with the fixed characters by which it is found.
_FURTHER = (
    ("anthropic_key", "sk-ant-[a-z0-9]+-[A-Za-z0-9_-]{80,}"),
    ("digitalocean_token", "do[opr]_v1_[a-f0-9]{64}"),
    ("github_token", "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    ("google_key", "AIza[0-9A-Za-z_-]{35}"),
    ("huggingface_token", "hf_[A-Za-z0-9]{34}"),
    ("npm_token", "npm_[A-Za-z0-9]{36}"),
    ("openai_key", "sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}"),
    ("shopify_token", "shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    ("slack_token", r"xapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+"),
    ("stripe_key", "whsec_[A-Za-z0-9]{32,}"),
)


def plugin(module: str, name: str) -> Any:
    """A plugin class of detect-secrets, or another name of the module.

    Raises:
        ConfigError: if detect-secrets is not installed, or another package under its name that lacks the plugin.
    """
    try:
        return getattr(importlib.import_module(f"detect_secrets.{module}"), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"secrets in code: pip install 'curation[code]' ({error})") from error


@cache
def form_patterns() -> tuple[Form, ...]:
    """All forms.

    Raises:
        ConfigError: if detect-secrets is not installed.
    """
    return (
        *(_taken(*name, hints=hints) for name, hints in _HINTS.items()),
        *(_taken(*name, signs=signs) for name, signs in _SIGNS.items()),
        *(Form(kind, (re.compile(one),), signs=(re.compile(one),), whole=True) for kind, one in _FURTHER),
    )


def _taken(module: str, name: str, hints: tuple[str, ...] = (), signs: tuple[str, ...] = ()) -> Form:
    vendor = module.removesuffix("_token").removesuffix("_key")
    ending = "_token" if module in ("discord", "slack", "npm") or module.endswith("_token") else "_key"
    return Form(
        kind=_KINDS.get(module, module if module in ("basic_auth", "jwt") else vendor + ending),
        patterns=tuple(plugin(f"plugins.{module}", name).denylist),
        hints=hints,
        signs=tuple(map(re.compile, signs)),
        also=_LONG if _NAMED[0] in hints or "secret" in hints else None,
        whole=module in _WHOLE,
    )


@cache
def formally_valid_jwt() -> Any:
    """detect-secrets' test of a web token: three parts that decode."""
    return plugin("plugins.jwt", "JwtTokenDetector").is_formally_valid
