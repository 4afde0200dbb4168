import json
import random
import string
import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import ConfigError
from curation.text import secret_forms
from curation.text.masking import Allowed, lines, masked
from curation.text.secret_forms import form_patterns
from curation.text.secret_lines import lines_to_read
from curation.text.secret_names import by_entropy, by_name, name_patterns
from curation.text.secret_values import is_named_secret, is_placeholder, is_random
from curation.text.secrets import _by_form, find_secrets, mask_secrets

pytest.importorskip("detect_secrets", reason="the detector is not installed: pip install curation[code]")

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def drawn(length, letters=ALNUM, seed=0):
    return "".join(random.Random(f"{length}{letters}{seed}").choices(letters, k=length))


# In pieces, so that nobody's scanner takes them for keys: what is drawn here opens nothing.
JWT = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiI0MiJ9." + drawn(43)
TOKENS = {
    "aws_key": "AK" + "IA" + drawn(16, string.ascii_uppercase + string.digits),
    "azure_storage_key": "Account" + "Key=" + drawn(86) + "==",
    "github_token": "gh" + "p_" + drawn(36),
    "gitlab_token": "gl" + "pat-" + drawn(20),
    "google_key": "AI" + "za" + drawn(35),
    "huggingface_token": "h" + "f_" + drawn(34),
    "jwt": JWT,
    "mailchimp_key": drawn(32, HEX) + "-us" + "12",
    "npm_token": "np" + "m_" + drawn(36),
    "openai_key": "sk" + "-proj-" + drawn(48),
    "sendgrid_key": "S" + "G." + drawn(22) + "." + drawn(43),
    "shopify_token": "shp" + "at_" + drawn(32, HEX),
    "slack_token": "xo" + "xb-" + "123456789012-1234567890123-" + drawn(24, string.ascii_lowercase + string.digits),
    "square_key": "sq0" + "csp-" + drawn(43),
    "stripe_key": "sk_" + "live_" + drawn(24),
    "telegram_token": "1234567890" + ":" + drawn(35),
    "twilio_key": "A" + "C" + drawn(32, HEX),
}
LINES = ["{} \n", 'x = "{}"\n', "x: {}\n", "f('{}', 1)\n", "<a b='{}'>\n"]


def kinds(text, path=""):
    return [span.kind for span in find_secrets(text, path)]


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize("line", LINES)
def test_a_key_is_known_by_its_form_and_masked_whole(kind, line):
    text = "a = 1\n" + line.format(TOKENS[kind]) + "b = 2\n"
    assert kinds(text) == [kind]
    assert mask_secrets(text) == text.replace(TOKENS[kind], "<KEY>")
    assert lines(text, find_secrets(text)) == [2]


def test_a_piece_of_a_longer_string_is_no_key():
    assert kinds("x = 0xFF" + TOKENS["twilio_key"] + "00") == []
    assert kinds(TOKENS["aws_key"] + "ABC") == []


def test_keys_of_manuals_are_no_secrets():
    assert kinds("AKIA" + "IOSFODNN7" + "EXAMPLE") == []
    assert kinds('secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCY' + 'EXAMPLEKEY"') == []


@pytest.mark.parametrize(
    ("text", "path", "masks"),
    [
        ("password = 'tRoUbl3som3'", "a.py", "password = '<PASSWORD>'"),
        ("DB_PASSWORD: s3cr4t!Zq9\nb: 1", "a.yaml", "DB_PASSWORD: <PASSWORD>\nb: 1"),
        ("export API_KEY=q8Zr5Tx2Lm9 # mine", "a.sh", "export API_KEY=<KEY> # mine"),
        ("API_KEY=q8Zr5Tx2Lm9", ".env.local", "API_KEY=<KEY>"),
        ('login(user="ann", password="Zq9!rT4x")', "a.js", 'login(user="ann", password="<PASSWORD>")'),
        ('char password[25] = "Zq9!rT4x";', "a.c", 'char password[25] = "<PASSWORD>";'),
        ("WITH PASSWORD = 'ePaCqshha7m4'", "a.sql", "WITH PASSWORD = '<PASSWORD>'"),
        ("postgres://ann:Zq9rT4xLm@db.org/x", "a.py", "postgres://ann:<PASSWORD>@db.org/x"),
        ('if "Zq9!rT4x" == password:', "a.py", 'if "<PASSWORD>" == password:'),
        (
            '{"client_id": "a1", "client_secret": "q8Zr5Tx2Lm9"}',
            "a.json",
            '{"client_id": "a1", "client_secret": "<KEY>"}',
        ),
        (f'"token": "{drawn(40)}"', "a.json", '"token": "<KEY>"'),
        (f"setSecret('{drawn(32, HEX)}')", "a.ts", "setSecret('<KEY>')"),
    ],
)
def test_a_value_is_known_by_its_name(text, path, masks):
    assert mask_secrets(text, path) == masks


@pytest.mark.parametrize(
    "text",
    [
        "password = 'password'",
        "password = 'testPassword123'",
        'api_key = "YOUR_API_KEY_1"',
        "password = os.environ['DB_PASSWORD_2']",
        "password = get_password('Zq9!rT4x')",
        "password = '${DB_PASSWORD_2}'",
        "secret = '<secret-2-here>'",
        "secret = 'config/secret2.yaml'",
        "password_id = '3f2504e0-4f89-11d3-9a0c-0305e82c3301'",
        '"PasswordLastUsed": "2016-09-08T21:47:36Z"',
        f"md5 = '{drawn(32, HEX)}'",
        f'GitlabRevision: "{drawn(40, HEX)}"',
        f'"integrity": "sha512-{drawn(86)}=="',
        f'"nextToken": "{drawn(40)}"',
        "key = 'abcdefghijklmnopqrstuvwxy'",
        "secret_alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'",
        "socks5://user:pass@localhost:1080",
    ],
)
def test_placeholders_references_and_hashes_stay(text):
    assert kinds(text, "a.py") == []


def test_hashes_of_locked_versions_stay_but_keys_do_not():
    text = f'"secret": "{drawn(40)}", "url": "{TOKENS["github_token"]}"'
    assert kinds(text, "web/package-lock.json") == ["github_token"]
    assert kinds(text, "web/package.json") == ["named_key", "github_token"]


@pytest.mark.parametrize("name", ["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])
def test_the_inside_of_a_private_key_is_masked(name):
    body = [drawn(64, ALNUM + "+/", seed) for seed in range(4)]
    head, tail = f"-----BEGIN {name}-----", f"-----END {name}-----"
    for newline in ("\n", "\\n", '\\n" +\n  "'):
        text = f'x = "{head}{newline}{newline.join(body)}{newline}{tail}"\ny = 1\n'
        assert mask_secrets(text) == f'x = "{head}{newline}<KEY>{newline}{tail}"\ny = 1\n'
    cut = f"{head}\n{body[0]}\n{body[1]}\n"  # a file that ends within the key
    assert mask_secrets(cut) == f"{head}\n<KEY>\n"
    assert kinds(f"{head}\n...\n{tail}") == []


def test_what_is_found_once_is_masked_everywhere():
    value = "tRoUbl3som3"
    text = f"password = '{value}'\nlogin('ann', '{value}')  # {value}\nx{value}"
    assert mask_secrets(text, "a.py") == text.replace(f"'{value}'", "'<PASSWORD>'").replace(
        f"# {value}", "# <PASSWORD>"
    )


def test_allowed_values_stay():
    text = f"password = 'tRoUbl3som3'\n{TOKENS['github_token']}"
    allowed = Allowed(frozenset({"tRoUbl3som3"}))
    assert mask_secrets(text, "a.py", allowed=allowed) == "password = 'tRoUbl3som3'\n<KEY>"


def test_values_are_told_apart():
    assert is_placeholder("your-api-key-1234") and is_placeholder("xxxxxxxx") and is_placeholder("test1234")
    assert not is_placeholder("tRoUbl3som3Eng1n3s")
    assert is_named_secret("Summer2019") and not is_named_secret("Zq9!") and not is_named_secret("field_name_2")
    assert is_random(drawn(40)) and not is_random(ALNUM) and not is_random("0123456789abcdef")


def without_hints(text, path):
    """Every pattern on every line: what the search for fixed words must not change."""
    found, start = [], 0
    for line in text.split("\n"):
        forms = chain(*(_by_form(line.rstrip(), replace(form, also=None)) for form in form_patterns()))
        named = chain(by_name(line.rstrip(), name_patterns(path)), by_entropy(line.rstrip()))
        found += [(start + one.start, start + one.end, one.kind) for one in chain(forms, named)]
        start += len(line) + 1
    return set(found)


def with_hints(text, path):
    found = []
    for (start, end), forms in lines_to_read(text, text.lower()).items():
        line = text[start:end].rstrip()
        of_forms = chain(*(_by_form(line, form) for form in forms if form))
        named = chain(by_name(line, name_patterns(path)), by_entropy(line)) if None in forms else ()
        found += [(start + one.start, start + one.end, one.kind) for one in chain(of_forms, named)]
    return set(found)


NAMES = ["password", "api_key", "API-KEY", "secret", "token", "pwd", "aws_key", "cl_pass", "ibm_cloud_key", "slkey"]
PIECES = st.sampled_from(
    [*TOKENS.values(), *NAMES, *"=:,'\" \n", ":=", "=>", "://ann:", "@b.org", "//r/:_authToken=", "tRoUbl3som3Eng1n3s"]
    + [drawn(n, letters) for n in (24, 40, 44, 48, 64) for letters in (ALNUM, HEX, string.ascii_lowercase)]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join), st.sampled_from(["a.py", "a.yaml", "a.go", "a.c", "a.cpp"]))
def test_looking_for_fixed_words_first_changes_nothing(text, path):
    assert with_hints(text, path) == without_hints(text, path)


def test_looking_for_fixed_words_first_changes_nothing_in_real_code():
    path = DATA / "code" / "code_files.parquet"
    if not path.exists():
        pytest.skip(f"real data not on this machine: {path}")
    import pyarrow.parquet as pq

    files = pq.read_table(path, columns=["path", "content"]).to_pylist()
    short = [file for file in files[::12] if max(map(len, file["content"].split("\n"))) <= 2048]
    assert len(short) > 200
    for file in short:
        assert with_hints(file["content"], file["path"]) == without_hints(file["content"], file["path"])


def test_real_code_holds_two_passwords_and_no_false_find():
    path = DATA / "code" / "code_files.parquet"
    if not path.exists():
        pytest.skip(f"real data not on this machine: {path}")
    import pyarrow.parquet as pq

    found = []
    for file in pq.read_table(path, columns=["path", "content"]).to_pylist():
        spans = find_secrets(file["content"], file["path"])
        found += [
            (file["path"], line, span.kind) for span, line in zip(spans, lines(file["content"], spans), strict=True)
        ]
    assert found == [("Scripts/Simulate_SQL_Server_Users_Hack.sql", line, "password") for line in (11, 13)]


@pytest.mark.parametrize("text", ["eyJ" * 100_000, "//" * 100_000 + ":_authToken=", "password" * 20_000, "İ" * 50_000])
def test_long_lines_are_read_in_pieces(text):
    planted = f"{text} {TOKENS['github_token']} {text}"
    assert masked(planted, find_secrets(planted)) == f"{text} <KEY> {text}"


@pytest.mark.parametrize("count", [24, 25, 36, 37, 60, 200])
def test_each_of_many_named_values_in_one_line_is_masked(count):
    values = [f"{drawn(13, seed=seed)}7#" for seed in range(count)]
    text = json.dumps([{"user": f"u{seed}", "password": value} for seed, value in enumerate(values)])
    left = mask_secrets(text, "users.json")
    assert [value for value in values if value in left] == []
    assert left.count('"<PASSWORD>"') == count


@pytest.mark.parametrize("line", ["x='{}';", "password='{}';"])
@pytest.mark.parametrize("step", [2040, 2300])
def test_what_the_edge_of_a_piece_of_a_long_line_cuts_is_masked(line, step):
    keys = [TOKENS["github_token"][:4] + drawn(36, seed=seed) for seed in range(20)]
    rest = "y" * (step - len(line) - 38)
    masked_text = mask_secrets("".join(line.format(key) + rest for key in keys), "a.js")
    assert masked_text.replace("<PASSWORD>", "<KEY>") == (line.format("<KEY>") + rest) * len(keys)


@pytest.mark.parametrize("before", range(800, 2100, 100))
def test_a_web_token_is_masked_to_its_end(before):
    token = JWT + drawn(600)
    text = "eyJ " + "y" * before + f" {token} " + "y" * 3000
    assert mask_secrets(text, "a.js") == text.replace(token, "<KEY>")


@pytest.mark.parametrize("text", ["pwd\u00e9`a" * 2000, ("pwd" * 60 + "=`") * 100, "password = " * 2000])
def test_very_many_names_are_read_in_pieces(text):
    planted = f"{text}; password = 'tRoUbl3som3';{text}"
    assert "tRoUbl3som3" not in mask_secrets(planted, "a.py")


def test_a_missing_detector_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "detect_secrets.plugins.aws", None)
    secret_forms.form_patterns.cache_clear()
    with pytest.raises(ConfigError, match=r"pip install 'curation\[code\]'"):
        secret_forms.form_patterns()
