"""Sort keys: the published examples of the package surt, and the keys in real cdx files."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.crawl.surt import KeyStretches, surt

PUBLISHED = {
    "http://www.archive.org/": "org,archive)/",
    "http://archive.org/goo/": "org,archive)/goo",
    "http://archive.org/goo/?": "org,archive)/goo",
    "http://archive.org/goo/?b&a": "org,archive)/goo?a&b",
    "http://archive.org/goo/?a=2&b&a=1": "org,archive)/goo?a=1&a=2&b",
    "http://archive.org/index.php?PHPSESSID=0123456789abcdefghijklemopqrstuv&action=profile;u=4221": (
        "org,archive)/index.php?action=profile;u=4221"
    ),
    "whois://whois.isoc.org.il/shaveh.co.il": "il,org,isoc,whois)/shaveh.co.il",
    "http://visit.webhosting.yahoo.com/visit.gif?&r=http%3A//web.archive.org/web/20090517140029/http%3A//"
    "anthonystewarthead.electric-chi.com/&b=Netscape%205.0%20%28Windows%3B%20en-US%29&s=1366x768&o=Win32&c=24&j=true"
    "&v=1.2": (
        "com,yahoo,webhosting,visit)/visit.gif?&b=netscape%205.0%20(windows;%20en-us)&c=24&j=true&o=win32&r=http://"
        "web.archive.org/web/20090517140029/http://anthonystewarthead.electric-chi.com/&s=1366x768&v=1.2"
    ),
    "dns:alexa.com": "dns:alexa.com",
    "mailto:foo@example.com": "mailto:foo@example.com",
    "http://www34.archive.org/index.html?b=b&a=b&b=a&a=a": "org,archive)/index.html?a=a&a=b&b=a&b=b",
    "http://www.archive.org:80/": "org,archive)/",
    "https://www.archive.org:80/": "org,archive:80)/",
    "http://host.com//twoslashes?more//slashes": "com,host)/twoslashes?more//slashes",
    "http://www.google.com/blah/..": "com,google)/",
    "http://www.google.com.../": "com,google)/",
    "http://www2.www2foo.com/": "com,www2foo)/",
    "http://bücher.ch:8080?#foo": "ch,xn--bcher-kva:8080)/",
    "http://www.archive.org/(S(4hqa0555fwsecu455xqckv45))/mileg.aspx": "org,archive)/mileg.aspx",
    "http://mineral.galleries.com:/minerals/silicate/chabazit/chabazit.htm": (
        "com,galleries,mineral)/minerals/silicate/chabazit/chabazit.htm"
    ),
}


@pytest.mark.parametrize("url", PUBLISHED)
def test_the_published_examples(url):
    assert surt(url) == PUBLISHED[url]


def test_the_keys_of_real_cdx_files(archive_folder):
    pairs = []
    for path in sorted(archive_folder.glob("webrecorder_pywb__*.cdx*")):
        if path.suffix == ".gz" or "arc-test" in path.name or "non-surt" in path.name:  # keys that are made up
            continue
        for line in path.read_text().splitlines():
            key, _, rest = line.split(" ", 2)
            url = json.loads(rest).get("url") if rest.startswith("{") else rest.split(" ")[0]
            if ")" in key:
                pairs.append((key, url))
    assert len(pairs) > 40
    assert [surt(url) for _, url in pairs] == [key for key, _ in pairs]


HOSTS = st.lists(st.sampled_from(["a", "b", "a-b", "www", "org", "ab", "x1"]), min_size=2, max_size=4).map(".".join)


@given(st.lists(HOSTS, min_size=1, max_size=5), st.sampled_from(["", "sub.", "www."]), HOSTS, HOSTS)
def test_a_stretch_holds_all_keys_of_its_domain(domains, below, one, other):
    key = surt(f"http://{below}{domains[0]}/x")
    low, high = sorted([key, surt(f"http://{one}/")])
    assert KeyStretches(domains).meet(low, high)
    assert KeyStretches(domains).meet(key, key)


def test_what_lies_elsewhere_is_not_met():
    stretches = KeyStretches(["example.org", "b.com"])
    assert not stretches.meet("com,ba)/", "org,exampld)/")  # between the two
    assert not stretches.meet("a", "com,a)/")
    assert not stretches.meet("org,examplf)/", "org,z)/")
    assert stretches.meet("com,b:8080)/", "com,c)/")
    assert stretches.meet("com,ba)/", "org,example,www2)/")
    assert not KeyStretches([]).meet("a", "z")
    assert KeyStretches(["10.0.0.1"]).meet("10.0.0.1)/", "10.0.0.1)/a")
    assert KeyStretches(["10.0.0.1"]).meet("1,0,0,10)/", "1,0,0,10)/a")
