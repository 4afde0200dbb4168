"""A dataset repository of the Hub, as an upload sees it: its files, its last commit, and the two things done to it.

Example: ``repository.open(private=True, dry_run=False)``, then ``repository.commit("Card", repository.store(…), ())``

Sending and committing are apart: large files go to the Hub's storage first, where nobody sees them, and a commit then
takes them in together. A commit names the one it builds on: if its answer is lost, the next try sees that it is there.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.errors import ConfigError, CurationError
from curation.hub.calls import LOGIN, HubCalls, Say
from curation.hub.files import CARD, DataFile, RemoteFile, git_digest


class HubRepository:
    """A dataset repository, and what is known of it.

    Args:
        name: ``OWNER/NAME``, or ``NAME`` for the owner of the login.
        token: the login.
        revision: a branch.
        say: takes a line where there is something to be told.

    Attributes:
        name: with the owner, once it is open.
        files: its files by path, as last listed.
        head: its last commit.
        commits: number of commits made here.

    Raises:
        ConfigError: if it cannot be a repository's name.
    """

    def __init__(self, name: str, token: str, revision: str, say: Say) -> None:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

        try:
            validate_repo_id(name)
        except HFValidationError as error:
            raise ConfigError(f"{name}: expected OWNER/NAME or NAME of a dataset repository: {error}") from None
        self.name, self.revision = name, revision
        self.call = HubCalls(name, token, say)
        self._api: Any = HfApi(token=token, library_name="curation")
        self.files: dict[str, RemoteFile] = {}
        self.head: str | None = None
        self.commits = 0

    @property
    def url(self) -> str:
        """Where it is to be seen."""
        return f"{self._api.endpoint}/datasets/{self.name}" + f"/tree/{self.revision}" * (self.revision != "main")

    def open(self, *, private: bool, dry_run: bool) -> bool:
        """Find or make the repository and its branch, and list what is there; returns whether it is new.

        Raises:
            ConfigError: if it is a model or a space, or may not be made.
        """
        if "/" not in self.name:
            owner = self.call("ask who is logged in", self._api.whoami)["name"]
            self.name = self.call.repo = f"{owner}/{self.name}"
        there = self.call("look for the repository", lambda: self._info("dataset"))
        if there is None:
            self._check_kind()
            if dry_run:
                return True
            self.call("create the repository", lambda: self._create(private))
        elif private and there.private is False:
            self.call.say(f"{self.name} is there already and is public: what is sent will be public")
        if not self.call("list the repository", self._list):
            self._branch(dry_run)
        return there is None

    def check_login(self, *, makes: bool) -> None:
        """See what the Hub says of the login; whether it may write there in fact is known when it does.

        Args:
            makes: whether the repository is to be made.

        Raises:
            ConfigError: if the login can only read, or belongs to nobody who may make the repository.
        """
        who = self.call("ask who is logged in", self._api.whoami)
        if ((who.get("auth") or {}).get("accessToken") or {}).get("role") == "read":
            raise ConfigError(f"{self.name}: this login may only read: {LOGIN}")
        owners = [who["name"], *(one["name"] for one in who.get("orgs") or ())]
        if makes and self.name.partition("/")[0].lower() not in map(str.lower, owners):
            raise ConfigError(
                f"{self.name}: there is no such repository, and this login makes only {', '.join(owners)}/…"
            )

    def _create(self, private: bool) -> None:
        self._api.create_repo(self.name, repo_type="dataset", private=private, exist_ok=True)

    def _check_kind(self) -> None:
        for kind in ("model", "space"):
            found = self.call("look for the repository", lambda kind=kind: self._info(kind))  # type: ignore[misc]
            if found is not None:
                raise ConfigError(
                    f"{self.name} is a {kind}, not a dataset; give another name, or make the dataset's repository of "
                    "the same name first if you want both"
                )

    def _branch(self, dry_run: bool) -> None:
        """The branch is made from ``main``, so that is what lies in it."""
        wanted = self.revision
        if dry_run:
            self.revision = "main"
        else:
            self.call(f"make the branch {wanted}", lambda: self._create_branch(wanted))
        self.call("list the repository", self._list)
        self.revision = wanted

    def _create_branch(self, name: str) -> None:
        self._api.create_branch(self.name, branch=name, repo_type="dataset", exist_ok=True)

    def _info(self, kind: str) -> Any:
        from huggingface_hub.errors import RepositoryNotFoundError

        try:
            return self._api.repo_info(self.name, repo_type=kind)
        except RepositoryNotFoundError as error:
            if error.response.status_code == 401:  # the Hub's answer to a wrong login, and to a name it has not
                self._api.whoami()
            elif error.response.status_code != 404:
                raise
            return None

    def _list(self) -> bool:
        """Learn the last commit and its files; False if there is no such branch."""
        from huggingface_hub.errors import RevisionNotFoundError

        try:
            self.head = self._api.repo_info(self.name, repo_type="dataset", revision=self.revision).sha
        except RevisionNotFoundError:
            return False
        at = self.head or self.revision
        found = self._api.list_repo_tree(self.name, recursive=True, revision=at, repo_type="dataset")
        self.files = {
            one.path: RemoteFile(one.path, one.size, one.lfs.sha256 if one.lfs else None, one.blob_id)
            for one in found
            if hasattr(one, "blob_id")  # a folder has none
        }
        return True

    def read_card(self) -> str:
        """The card that is there, empty where there is none."""
        if CARD not in self.files:
            return ""
        with tempfile.TemporaryDirectory(prefix="curation-push-") as folder:
            path = self.call("read the card", lambda: self._fetch(CARD, folder))
            return Path(path).read_text(encoding="utf-8")

    def _fetch(self, name: str, folder: str) -> str:
        return str(
            self._api.hf_hub_download(
                self.name, name, repo_type="dataset", revision=self.head, local_dir=folder, force_download=True
            )
        )

    def store(self, files: Mapping[str, str]) -> list[Any]:
        """Send local files, given by their path in the repository; returns what `commit` takes in.

        What `is_stored` of it need not lie on the disk any longer.
        """
        from huggingface_hub import CommitOperationAdd

        adding = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=path) for name, path in files.items()]
        first = next(iter(files))
        self.call(f"send {first}{and_more(len(files))}", lambda: self._store(adding))
        return adding

    def _store(self, adding: Sequence[Any]) -> None:
        self._api.preupload_lfs_files(self.name, additions=adding, repo_type="dataset", revision=self.revision)

    def commit(self, message: str, adding: Sequence[Any], delete: Sequence[RemoteFile]) -> str:
        """Make a commit of what was stored, and of deletions; returns its address."""
        before, tries = self.head, iter(range(1, 1000))
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            url = self.call("commit", lambda: self._commit(message, adding, delete, again=next(tries) > 1))
        for line in dict.fromkeys(str(one.message) for one in warned):
            self.call.say(self.call.clean(line))
        self.commits += self.head != before
        return url

    def _commit(self, message: str, adding: Sequence[Any], delete: Sequence[RemoteFile], *, again: bool) -> str:
        from huggingface_hub import CommitOperationDelete

        if again:
            self._list()
        add = [one for one in adding if not again or not _landed(one, self.files.get(one.path_in_repo))]
        gone = [one for one in delete if one.name in self.files]
        if not add and not gone:  # the try before has landed, only its answer was lost
            return f"{self._api.endpoint}/datasets/{self.name}/commit/{self.head}"
        made = self._api.create_commit(
            self.name,
            [CommitOperationDelete(one.name, is_folder=False) for one in gone] + add,
            commit_message=message,
            repo_type="dataset",
            revision=self.revision,
            parent_commit=self.head,
        )
        self.head = made.oid
        return str(made.commit_url)

    def check(self, files: Sequence[DataFile]) -> None:
        """List again, and see that these files are there.

        Raises:
            CurationError: if one is not, or has another size.
        """
        self.call("list the repository", self._list)
        there = {name: one.size for name, one in self.files.items()}
        wanting = [one.name for one in files if there.get(one.name) != one.size]
        if wanting:
            raise CurationError(
                f"{self.name}: {wanting[0]}{and_more(len(wanting))} not there although committed: a .gitignore of the "
                "repository may keep it out, or somebody else has changed it"
            )


def and_more(count: int) -> str:
    """What follows the first of ``count`` names."""
    return f" and {count - 1} more" if count > 1 else ""


def is_stored(adding: Any) -> bool:
    """Whether the file is in the large storage; another one is read when it is committed."""
    return bool(adding.path_or_fileobj == b"")


def _landed(adding: Any, there: RemoteFile | None) -> bool:
    """Whether the repository has what this would add."""
    if there is None or there.size != adding.upload_info.size:
        return False
    if there.sha256:
        return bool(adding.upload_info.sha256.hex() == there.sha256)
    if is_stored(adding):
        return False
    digest = git_digest(there.size)
    with adding.as_file() as file:
        digest.update(file.read())
    return bool(digest.hexdigest() == there.blob)
