"""Tags, and the words of class names, as numbers: the tables that the compiled kernels look names up in.

Example: ``TAGS["p"]`` is a small integer, ``CATEGORY[TAGS["p"]] & BLOCK`` is not zero. Names are found by their 64-bit
FNV-1a hash in open-addressing tables, which kernels take as arguments: numba's cache knows a kernel's own source, not
the tables of other modules.
"""

from __future__ import annotations

from collections.abc import Iterable
from html.entities import html5

import numpy as np
from numpy.typing import NDArray

Table = tuple[NDArray[np.uint64], NDArray[np.uint64]]

VOID, BLOCK, FORMAT, RAW, DROP, CLOSES_P, BARRIER, ACTS, PAGE = (1 << bit for bit in range(9))

_VOID = "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr"
_BLOCK = (
    "address article aside blockquote caption center colgroup dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr legend li listing main menu nav ol "
    "optgroup option p pre search section summary table tbody tfoot thead tr ul xmp td th"
)
# Elements whose end tags are often missing or crossed: what they hold is text like any other, so none is kept open.
_FORMAT = "a abbr acronym b big cite em font i ins kbd s samp small strike strong tt u var wbr mark dfn q bdi bdo del"
_RAW = "script style title textarea iframe noembed noframes xmp"
_DROP = (
    "script style title textarea iframe noembed noframes template svg noscript select button datalist audio video "
    "canvas map rp input progress meter menuitem"
)
_CLOSES_P = (
    "address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer form h1 h2 h3 "
    "h4 h5 h6 header hgroup hr li listing main menu nav ol p pre section summary table ul dd dt"
)
_BARRIER = "table td th caption template object marquee applet"
# What means something inside a line; and what is there once, whatever the page writes.
_ACTS = "a br hr sup sub img input select textarea button"
_PAGE = "html head body"
_OTHERS = (
    "html head body span label code sub sup time math annotation d-math dt-math mathjax tex-math la-tex tex "
    "mjx-container eq"
)

NAMES = sorted({name for names in (_VOID, _BLOCK, _FORMAT, _RAW, _DROP, _BARRIER, _OTHERS) for name in names.split()})
TAGS = {name: number for number, name in enumerate(NAMES, start=1)}


def numbers(names: str) -> list[int]:
    """The number of each tag: ``p li`` gives two."""
    return [TAGS[name] for name in names.split()]


CATEGORY = np.zeros(len(NAMES) + 1, np.int64)
for _names, _bit in (
    (_VOID, VOID),
    (_BLOCK, BLOCK),
    (_FORMAT, FORMAT),
    (_RAW, RAW),
    (_DROP, DROP),
    (_CLOSES_P, CLOSES_P),
    (_BARRIER, BARRIER),
    (_ACTS, ACTS),
    (_PAGE, PAGE),
):
    for _name in _names.split():
        CATEGORY[TAGS[_name]] |= _bit

# What the words of class names and ids say about an element, one bit a group. A word is a run of letters between
# other characters or changes of case: ``siteNav``, ``site-nav`` and ``site_nav`` all hold ``nav``.
GROUPS: dict[str, str] = {
    "nav": "nav navbar navigation navi navbox topnav subnav sidenav mainnav globalnav navlinks navheader",
    "menu": "menu menus submenu dropdown megamenu mainmenu topmenu menubar hamburger drawer",
    "footer": "footer foot bottom colophon footnav fter",
    "header": "header head top masthead topbar heading hdr",
    "sidebar": "sidebar side aside rail right left widget widgets column secondary complementary panel",
    "share": "share sharing social facebook twitter addthis sharedaddy sharethis bookmark bookmarks follow whatsapp",
    "comment": "comment comments commentlist disqus respond kommentare kommentar commentary",
    "related": "related recommend recommended recommendations more popular trending similar suggested suggestions also "
    "recent latest mostread teaser teasers outbrain taboola next previous prev",
    "ad": "ad ads adv advert advertisement advertising sponsor sponsored promo promotion banner dfp anzeige werbung",
    "cookie": "cookie cookies consent gdpr privacy notice alert disclaimer ccpa",
    "crumb": "breadcrumb breadcrumbs crumb crumbs",
    "pager": "pagination pager paging pages paginator pagenav nextprev",
    "search": "search searchbox searchform suche",
    "login": "login signin signup register subscribe subscription newsletter account registration paywall",
    "tags": "tag tags category categories cat taxonomy topics keywords label labels",
    "meta": "meta metadata info details postmetadata submitted published timestamp stats",
    "author": "author byline vcard bio autor writer contributor credit credits",
    "date": "date time datetime pubdate datum updated",
    "title": "title headline heading subtitle subhead entrytitle",
    "content": "content contents body entry text article post main story prose maincontent articlebody bodytext "
    "document doc markdown page hentry container wrapper artikel inhalt beitrag",
    "caption": "caption figcaption figure image photo img picture thumb thumbnail media",
    "popup": "popup modal overlay dialog lightbox tooltip flyout toast",
    "hidden": "hidden hide invisible screenreader sr visuallyhidden assistive offscreen noprint noshow",
    "toc": "toc tableofcontents outline contentsnav localtoc",
    "skip": "skip skiplink skipto jump backtotop totop",
    "toolbar": "toolbar tools tool actions action controls control buttons button btn utility print email",
    "copyright": "copyright copy legal license licence imprint impressum terms",
    "vote": "vote votes voting rating ratings score like likes star stars reactions",
    "reply": "reply replies quote signature sig quoted",
    "forum": "thread topic message messages forum postbody postcontent postmessage discussion bbs reply posts answer "
    "answers question qa",
    "user": "user avatar profile member username userinfo rank badge nick",
    "lesson": "theorem proof lemma definition example exercise exercises solution solutions hint problem problems "
    "proposition corollary remark axiom admonition knowl assignment activity lecture chapter section",
    "code": "code highlight sourcecode codehilite syntax snippet listing prettyprint pre",
    "reference": "footnote footnotes reference references reflist bibliography citation endnotes citations bib",
    "gallery": "gallery carousel slider slideshow slide swiper",
    "list": "list items item grid cards card index archive feed results listing products product",
    "summary": "summary abstract lead lede intro standfirst excerpt description dek teaser",
    "gutter": "editsection headerlink linenos lineno linenodiv gutter linenumbers",
    "site": "site brand logo blog branding company about contact",
    "table": "infobox table data spec specs price",
}
GROUP_BITS = {name: 1 << number for number, name in enumerate(GROUPS)}
# Above the groups: what elements themselves say.
HIDDEN, IN_NAV, IN_FOOTER, IN_HEADER, IN_ASIDE, IN_MAIN, IN_ARTICLE, IN_FORM, IN_TABLE, IN_PRE, IN_CODE, IN_FIGURE = (
    1 << bit for bit in range(len(GROUPS), len(GROUPS) + 12)
)
assert len(GROUPS) + 12 <= 62

OWN_BITS = np.zeros(len(NAMES) + 1, np.uint64)
for _name, _bit in {
    "nav": IN_NAV,
    "menu": IN_NAV,
    "footer": IN_FOOTER,
    "header": IN_HEADER,
    "aside": IN_ASIDE,
    "main": IN_MAIN,
    "article": IN_ARTICLE,
    "form": IN_FORM,
    "table": IN_TABLE,
    "pre": IN_PRE,
    "listing": IN_PRE,
    "code": IN_CODE,
    "samp": IN_CODE,
    "figure": IN_FIGURE,
    "figcaption": IN_FIGURE,
}.items():
    OWN_BITS[TAGS[_name]] = _bit

# What makes a start tag worth a look for mathematics: bits of the column ``math``.
RENDERED, LEAF, SURE, IMAGE, MATHML, MATH_SCRIPT, DATA_TEX, PREVIEW = (1 << bit for bit in range(8))
_RENDERED = (
    "katex-display katex MathJax_Display MathJax_SVG_Display MathJax_CHTML MathJax_SVG MathJax mjx-chtml "
    "mwe-math-element katex-html katex-error"
)
_LEAF = (
    "math math-inline math-display math-block tex latex katex katex-inline katex-display katex-block displaymath "
    "inlinemath mathjax_process equation SimpleMath formula arithmatex mathjax mathjax-inline mathjax-block kdmath "
    "MathJax_Preview asciimath AM am math-tex mathquill"
)
_SURE = "math-container wp-katex-eq katex-src process-math language-math"
_IMAGE = (
    "formulaInl formulaDsp latex tex latexcenter latexdisplay latexblock latexblockcenter "
    "mwe-math-fallback-image-inline mwe-math-fallback-image-display mwe-math-fallback-image math "
    "ql-img-inline-formula ql-img-displayed-equation texrender equation_image ee_img Wirisformula mimetex"
)
_FNV_START, _FNV_PRIME, _WORD = 14695981039346656037, 1099511628211, (1 << 64) - 1


def fnv(name: bytes) -> int:
    """The FNV-1a hash of ``name``, as the kernels compute it; never zero in practice, which marks an empty slot."""
    value = _FNV_START
    for byte in name:
        value = ((value ^ byte) * _FNV_PRIME) & _WORD
    return value


def table(entries: Iterable[tuple[str, int]]) -> Table:
    """Keys and values of an open-addressing hash table at most a quarter full; values of one name are or-ed."""
    joined: dict[int, int] = {}
    for name, value in entries:
        key = fnv(name.encode())
        joined[key] = joined.get(key, 0) | value
    size = 1 << max(4, (4 * len(joined)).bit_length())
    keys, values = np.zeros(size, np.uint64), np.zeros(size, np.uint64)
    for key, value in joined.items():
        slot = key & (size - 1)
        while keys[slot]:
            slot = (slot + 1) & (size - 1)
        keys[slot], values[slot] = key, value
    return keys, values


# The attributes that are looked at, those with one meaning under one number.
_ATTRIBUTES = "class id style hidden type alt src data-tex"
ATTRIBUTES = {name: number for number, name in enumerate(_ATTRIBUTES.split(), start=1)}
_SAME = {"role": "id", "data-lazy-src": "src"} | {
    f"data-{name}": "data-tex" for name in ["expr", "latex", "math", "formula"]
}
ATTRIBUTE_TABLE = table([*ATTRIBUTES.items(), *((name, ATTRIBUTES[same]) for name, same in _SAME.items())])
TAG_TABLE = table(TAGS.items())
WORD_TABLE = table((word, GROUP_BITS[group]) for group, words in GROUPS.items() for word in words.split())
CLASS_TABLE = table(
    [(name, RENDERED) for name in _RENDERED.split()]
    + [(name, LEAF) for name in _LEAF.split()]
    + [(name, SURE | LEAF) for name in _SURE.split()]
    + [(name, IMAGE) for name in _IMAGE.split()]
    + [("MathJax_Preview", PREVIEW | RENDERED)]
)
# Two code points at most, packed: first | second << 32.
ENTITY_TABLE = table(
    (name, ord(text[0]) | (ord(text[1]) << 32 if len(text) > 1 else 0)) for name, text in html5.items()
)

# What the words of a text say, one bit a group: English, German and some of the other large languages of the web.
TEXT_GROUPS: dict[str, str] = {
    "copyright": "copyright reserved rights rechte vorbehalten reservados droits réservés",
    "legal": "privacy terms cookies cookie impressum datenschutz agb disclaimer policy gdpr confidentialité mentions",
    "share": "share facebook twitter pinterest linkedin whatsapp tweet teilen instagram youtube reddit rss compartir",
    "login": "login log sign register subscribe newsletter anmelden registrieren abonnieren account password passwort",
    "comment": "comment comments reply kommentar kommentare antworten leave permalink respond commentaires comentarios",
    "more": "more read continue weiterlesen weiter mehr lesen leer lire suite leia mais artikel",
    "byline": "posted published written updated veröffentlicht geschrieben verfasst author autor editor von by par por",
    "date": "january february march april june july august september october november december januar februar märz mai "
    "juni juli oktober dezember monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch "
    "donnerstag freitag samstag sonntag uhr ago vor",
    "related": "related similar recommended popular trending ähnliche verwandte beliebt auch recent latest top neueste",
    "site": "home about contact kontakt startseite sitemap faq help hilfe über uns accueil inicio jobs careers team",
    "paging": "next previous prev back page seite zurück nächste vorherige older newer siguiente suivant first last up",
    "search": "search suche suchen buscar rechercher",
    "menu": "menu navigation toggle skip close open menü sidebar schließen",
    "tags": "tags tagged categories category filed kategorien kategorie schlagwörter schlagworte topics themen archive",
    "action": "click download print email drucken mail pdf embed copy save report edit source view show hide",
    "browser": "javascript browser enable flash cookies disabled",
    "ad": "advertisement anzeige sponsored werbung ad ads promo offer shop buy cart price",
    "credit": "photo image foto bild credit getty reuters afp dpa photograph picture quelle source via",
    "powered": "powered wordpress theme hosted generated built designed blogger jekyll hugo sphinx docs",
    "lesson": "theorem proof lemma definition exercise solution example hint answer problem corollary aufgabe lösung "
    "beweis satz beispiel figure let suppose then hence therefore equation",
    "pronoun": "the of and to in that is was for with der die das und ist nicht ein eine mit den von le la les des est "
    "que el los las en una di il che e non",
    "speech": "he she they we you i his her said er sie wir ich hat haben had have has would could",
}
TEXT_TABLE = table((word, 1 << bit) for bit, words in enumerate(TEXT_GROUPS.values()) for word in words.split())
