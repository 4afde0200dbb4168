"""The stages that list the domains worth fetching whole, as a recipe makes them of its settings.

    domain_stages(Domains(threshold=2, rule="pages", min_pages=10), cut="published", reads="score_first")

`domain_counts` counts each shard's pages by registered domain, `domains` adds up and decides, a part of the domains at
a time; `curation.blocks.domains.KeepListed` then reads ``{output}/domains/data``. Measured with 4 million pages
of 400,000 domains in 20 files: 490 MB to count and 330 MB to decide, of which 160 MB are modules. A larger shard gives
what it has counted whenever that is a million domains; a part takes what its domains take, so many domains need more
``parts``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from curation.blocks.domain_counts import CountDomains
from curation.blocks.domains import ListDomains, Rule
from curation.blocks.select import Cut
from curation.recipe import Stage, folder_of


@dataclass(frozen=True, kw_only=True)
class Domains:
    """Which domains are fetched whole.

    Args:
        threshold: a page is good from this score on.
        rule: ``pages``: at least ``min_pages`` good pages; ``share``: at least ``min_share`` of its pages are good;
            ``both``: both.
        min_pages: see ``rule``.
        min_share: see ``rule``.
        url_lists: files of one URL per line; domains with ``min_list_urls`` of them are listed, too.
        min_list_urls: see ``url_lists``.
        domain_lists: files of one domain per line; all are listed, too.
        parts: into how many parts the domains are dealt; memory is that of one part for each worker.
    """

    threshold: float
    rule: Rule = "pages"
    min_pages: int = 10
    min_share: float = 0.1
    url_lists: tuple[str, ...] = ()
    min_list_urls: int = 10
    domain_lists: tuple[str, ...] = ()
    parts: int = 8

    def __post_init__(self) -> None:
        if self.rule not in get_args(Rule):
            raise ValueError(f"rule: expected one of {get_args(Rule)}, got {self.rule!r}")
        if not 0 <= self.min_share <= 1:
            raise ValueError(f"min_share: expected 0 to 1, got {self.min_share}")
        if self.parts < 1:
            raise ValueError(f"parts: expected at least 1, got {self.parts}")


def domain_stages(
    settings: Domains, *, cut: Cut, reads: str | tuple[str, ...], name: str = "domains", counts: str = "domain_counts"
) -> list[Stage]:
    """The stages ``domain_counts`` and ``domains``. Files that are added to the input later do not change the list.

    Args:
        settings: the rule.
        cut: see `curation.blocks.select.KeepScore`.
        reads: scored pages with their ``url``; as of `Stage`.
        name: of the stage with the list.
        counts: of the stage before it.
    """
    count = CountDomains(threshold=settings.threshold, cut=cut, parts=settings.parts)
    decide = ListDomains(
        counted=folder_of(counts, "data"),
        rule=settings.rule,
        min_pages=settings.min_pages,
        min_share=settings.min_share,
        url_lists=settings.url_lists,
        min_list_urls=settings.min_list_urls,
        domain_lists=settings.domain_lists,
    )
    return [
        Stage(name=counts, reads=reads, steps=[count], settled=True),
        Stage(name=name, reads=counts, steps=[decide], parts=settings.parts, settled=True),
    ]
