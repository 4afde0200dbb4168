import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.text.domains import registered_domain, repository, site, snapshot_version


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://forums.math.example.co.uk/t/1?q=a.com", "example.co.uk"),
        ("HTTP://WWW.Example.COM:8080/", "example.com"),
        ("https://user:secret@sub.example.org", "example.org"),
        ("//cdn.example.net/x.js", "example.net"),
        ("example.org/a/b", "example.org"),
        ("https://alice.github.io/notes", "github.io"),
        ("http://example.com./", "example.com"),
        ("http://192.168.0.1:80/a", "192.168.0.1"),
        ("http://[2001:db8::1]/a", "2001:db8::1"),
        ("http://a.b.notasuffix/", "b.notasuffix"),
        ("http://localhost:8000/", "localhost"),
        ("http://co.uk/", "co.uk"),
        ("https://bücher.münchen.de/", "xn--mnchen-3ya.de"),
        ("https://xn--mnchen-3ya.de/", "xn--mnchen-3ya.de"),
        ("s3://bucket.name/key", "bucket.name"),
        ("", None),
        ("http://", None),
        ("http:///path", None),
        ("http://[bad", None),
        ("not a url", None),
        ("mailto:me@example.org", None),
        ("http://two words.com/", None),
        ("http://a..com/", None),
    ],
)
def test_the_registered_domain(url, domain):
    assert registered_domain(url) == domain


@given(st.text() | st.text().map("http://{}".format))
def test_no_text_raises_and_a_domain_is_its_own_domain(text):
    domain = registered_domain(text)
    assert domain is None or (domain and domain == domain.lower())


def test_the_snapshot_is_named():
    assert snapshot_version().startswith("tldextract==")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("redis/redis/deps/lua/src/luaconf.h", "redis/redis"),
        ("Redis/redis/a.h", "redis/redis"),
        ("owner/a.py", "owner"),
        ("a.py", "a.py"),
        ("https://host.org/Redis/redis/blob/main/src/a.c?x=1#L3", "host.org/redis/redis"),
        ("https://host.org/redis/redis", "host.org/redis"),
        ("host.org/redis/redis/raw/a.c", "host.org/redis/redis"),
        ("https://host.org/", "host.org"),
        ("", ""),
    ],
)
def test_the_repository(url, found):
    assert repository(url) == found


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://alice.github.io/book/1.html", "alice.github.io"),
        ("https://www.bob.github.io/", "bob.github.io"),
        ("https://forums.example.co.uk/t/1", "example.co.uk"),
        ("https://carol.readthedocs.io/en/", "carol.readthedocs.io"),
        ("redis/redis/src/a.c", None),
    ],
)
def test_authors_at_one_host_are_sites_of_their_own(url, found):
    assert site(url) == found
