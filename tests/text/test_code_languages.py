import dataclasses

import pytest

from curation.annotation.prompt import load_prompt
from curation.classify.languages import programming_language, slug
from curation.classify.spec import load_spec
from curation.errors import ConfigError, ContentError
from curation.text.code_concepts import language_concepts
from curation.text.code_identity import extension_of, identify
from curation.text.code_languages import CodeLanguage, code_language, code_languages, code_table

# The configurations of HuggingFaceTB/stack-edu, and the slugs of the classifiers that are published.
CONFIGS = (
    "C", "CSharp", "Cpp", "Go", "Java", "JavaScript", "Markdown", "PHP", "Python", "Ruby", "Rust", "SQL", "Shell",
    "Swift", "TypeScript",
)  # fmt: skip
SLUGS = ("c", "cpp", "csharp", "go", "java", "javascript", "python", "rust", "shell", "sql", "swift")


def entries(tmp_path, text):
    path = tmp_path / "languages.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_fifteen_have_the_published_configurations_and_slugs():
    languages = code_languages()
    assert sorted(one.config for one in languages.values()) == sorted(CONFIGS)
    assert set(SLUGS) < {one.slug for one in languages.values()}
    assert list(languages)[:4] == ["Python", "C++", "Markdown", "C"]
    assert all(one.concepts for one in languages.values())


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("cpp", "C++"), ("C++", "C++"), ("c++", "C++"), ("CPP", "C++"), ("Cpp", "C++"), ("csharp", "C#"),
        ("C-Sharp", "C#"), ("c#", "C#"), ("CS", "C#"), ("js", "JavaScript"), ("Golang", "Go"),
        (" ts ", "TypeScript"), ("bash", "Shell"), ("md", "Markdown"), ("PLpgSQL", "SQL"), ("py", "Python"),
        ("rb", "Ruby"),
    ],
)  # fmt: skip
def test_any_name_in_any_case(given, name):
    assert code_language(given).name == name == programming_language(given)
    assert slug(given) == code_language(name).slug


def test_another_language_is_an_error_that_names_the_nearest():
    with pytest.raises(ConfigError, match=r"unknown programming language 'Pyton' .*did you mean 'Python'"):
        code_language("Pyton")
    with pytest.raises(ConfigError, match="unknown programming language 'Haskell'"):  # known, but not of the fifteen
        programming_language("Haskell")


def test_every_shared_extension_has_a_rule_for_each_language():
    table = code_table()
    for extension, names in table.by_extension.items():
        ruled = {language for language, _ in table.rules[extension]}
        assert len(names) == 1 or set(names) <= ruled, extension
        assert ruled - {None} <= set(names), extension


def test_thresholds_are_those_of_the_shipped_classifier():
    spec = load_spec("stack_edu")
    assert {name: spec.threshold_for(name) for name in code_languages()} == {
        name: one.threshold for name, one in code_languages().items()
    }
    assert code_language("Java").threshold == 2


def test_published_limits():
    limits = code_language("Python").limits
    assert (limits.max_lines, limits.max_line, limits.max_mean_line) == (100_000, 1000, 100)
    markdown = code_language("Markdown").limits
    assert (markdown.max_lines, markdown.max_line, markdown.max_mean_line) == (100_000, 100_000, None)
    known = code_table().known
    assert {name for name, one in known.items() if one.limits.max_mean_line is None} == {
        "HTML", "JSON", "Markdown", "Roff", "Roff Manpage", "SMT", "TeX", "Text", "XML",
    }  # fmt: skip
    assert {name for name, one in known.items() if one.limits.max_lines == 512} == {
        "Text", "JSON", "YAML", "Web Ontology Language", "Graphviz (DOT)",
    }  # fmt: skip
    assert {name for name, one in known.items() if one.limits.letters == "alphanumeric"} == {
        "Motorola 68K Assembly",
        "WebAssembly",
    }


def test_a_language_of_ones_own(tmp_path):
    extra = entries(
        tmp_path,
        "Kotlin:\n  concepts: coroutines\n"
        'Arduino Sketch:\n  aliases: [ino]\n  extensions: [.ino]\n  when: {.ino: "void setup"}\n  threshold: 2\n'
        "Python:\n  limits: {max_line: 2000}\n",
    )
    languages = code_languages(extra)
    assert list(languages)[-2:] == ["Kotlin", "Arduino Sketch"]
    assert languages["Arduino Sketch"].slug == "arduino-sketch"
    assert languages["Arduino Sketch"].config == "ArduinoSketch"
    assert code_language("INO", extra).threshold == 2
    assert ".kts" in languages["Kotlin"].extensions
    assert languages["Python"].limits.max_line == 2000
    assert languages["Python"].concepts == "deep learning"
    assert identify("a.ino", "void setup() {}", extra) == "Arduino Sketch"
    assert identify("a.ino", "int x;", extra) == "C++"
    assert code_languages()["Python"].limits.max_line == 1000


def test_an_edited_file_is_read_again(tmp_path):
    extra = entries(tmp_path, "Kotlin: {concepts: one}")
    assert code_language("kt", extra).concepts == "one"
    entries(tmp_path, "Kotlin: {concepts: two}")
    assert code_language("kt", extra).concepts == "two"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Kotlin: {concept: x}", r"languages.yaml: Kotlin: unknown key 'concept' \(did you mean 'concepts'"),
        ("Kotlin: {threshold: three}", "Kotlin: threshold: expected int"),
        ("Kotlin: {limits: {max_lin: 3}}", "unknown key 'limits.max_lin'"),
        ("Kotlin: {limits: {min_letters: 3.0}}", "min_letters: 3.0 is more than 1"),
        ("Kotlin: {limits: {max_lines: -1}}", "max_lines: -1 is negative"),
        ("Kotlin: {name: K}", "unknown key 'name'"),
        ("Kotlin: .kt", "expected a language's name and a mapping"),
        ("Mine: {aliases: [JS]}", "name 'js' is that of Mine and of JavaScript"),
        ("Mine: {filenames: [Rakefile]}", "file name 'Rakefile' is that of Mine and of Ruby"),
        ("Mine: {interpreters: [node]}", "interpreter 'node' is that of Mine and of JavaScript"),
        ("Mine: {extensions: [.py]}", r"Mine: extension .py is that of Python, too; .*when: \{.py: pattern\}"),
        ("A: {extensions: [.zz]}\nB: {extensions: [.zz]}", "extension .zz is that of B, too"),
        ("Mine: {extensions: [py]}", "extensions: 'py' is not a full stop"),
        ("Mine: {extensions: [.zz], when: {.zz: '('}}", r"when: .zz: '\(' is no pattern"),
        ("Mine: {when: {.zz: x}}", "when: .zz is not among the extensions"),
        ("Mine: {slug: A B}", "slug: 'A B'"),
        ("Mine: {config: 'A/B'}", "config: 'A/B' cannot name a configuration"),
        ("Mine: {}\nMine: {}", "stands twice"),
        ("[1]", "expected a mapping"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        code_languages(entries(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file"):
        code_languages(str(tmp_path / "none.yaml"))


def test_names_are_derived():
    assert CodeLanguage(name="J#").slug == "j-sharp"
    assert CodeLanguage(name="Objective-C++").config == "ObjectiveCpp"


@pytest.mark.parametrize(
    ("path", "extension"),
    [
        ("a/b.PY", "py"),
        ("v/page.blade.php", "blade.php"),
        ("Makefile", ""),
        (".bashrc", ""),
        ("a.b/c", ""),
        ("x.zzz", "zzz"),
    ],
)
def test_extensions(path, extension):
    assert extension_of(path) == extension


def test_the_prompt_takes_its_concepts_from_the_table(monkeypatch):
    prompt = load_prompt("stack_edu_5pt")
    for name in ("C#", "csharp", "C-Sharp", "CSHARP"):
        assert "asynchronous programming and LINQ queries" in prompt.messages("x", language=name)[0]["content"]
    changed = language_concepts() | {"Python": "list comprehensions"}
    other = dataclasses.replace(prompt, lookup={"concepts": {"language": changed}})
    assert other.digest != prompt.digest
    assert load_prompt("stack_edu_5pt").digest == prompt.digest
    with pytest.raises(ValueError, match="'concepts' is missing"):
        prompt.messages("x", language="Haskell")


def test_a_table_that_is_none_is_named(tmp_path):
    path = tmp_path / "p.md"
    front = "scale: [0, 5]\nreply: Score\nmax_characters: 9\nslots: [language, concepts]\n"
    path.write_text(
        f"---\n{front}lookup: {{concepts: {{language: code_language}}}}\n---\n{{text}}{{language}}{{concepts}}"
    )
    with pytest.raises(ContentError, match=r"lookup: 'code_language' is no mapping and no table .*'code_languages'"):
        load_prompt(path)
