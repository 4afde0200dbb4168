"""What the Hub in memory answers, address by address; `hub_server` carries it.

Example: ``Repo("dataset", private=True).commit("main", {"README.md": Entry(b"# Pages", large=False)}, "Card")``
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import yaml

LARGE = (".parquet", ".arrow", ".gz", ".zst", ".bin")


@dataclass
class Entry:
    """A file of a commit."""

    content: bytes
    large: bool

    @property
    def sha256(self):
        return hashlib.sha256(self.content).hexdigest()

    @property
    def blob(self):
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.content)}\n"
        return git_hash(pointer.encode() if self.large else self.content)

    def info(self, path):
        found = {"type": "file", "oid": self.blob, "size": len(self.content), "path": path}
        if self.large:
            found["lfs"] = {"oid": self.sha256, "size": len(self.content), "pointerSize": 134}
        return found


@dataclass
class Repo:
    kind: str
    private: bool
    branches: dict = field(default_factory=dict)
    trees: dict = field(default_factory=dict)
    log: list = field(default_factory=list)

    def commit(self, branch, tree, message, operations=()):
        sha = hashlib.sha1(f"{len(self.trees)} {branch} {message}".encode()).hexdigest()
        self.trees[sha], self.branches[branch] = tree, sha
        self.log.append({"message": message, "branch": branch, "operations": list(operations), "sha": sha})
        return sha

    def sha(self, revision):
        return self.branches.get(revision) or (revision if revision in self.trees else None)


class Refused(Exception):
    def __init__(self, status, message, code=None, headers=None):
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers or {}


class Routes:
    """The addresses; each gives a status, a content, and headers."""

    def who(self):
        given = self.headers.get("Authorization")
        if given is None:
            return None
        user = self.hub.tokens.get(given.removeprefix("Bearer "))
        if user is None:
            raise Refused(401, "Invalid credentials in Authorization header")
        return user

    def repo(self, kind, name, write=False):
        user = self.who()
        repo = self.hub.repos.get((kind, name))
        if repo is None or (repo.private and user is None):
            raise Refused(404 if user else 401, "Repository not found", "RepoNotFound")
        if write and not (user and user["write"]):
            raise Refused(403, "you must use a token that may write")
        return repo

    def at(self, repo, revision):
        sha = repo.sha(revision)
        if sha is None:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return sha, repo.trees[sha]

    def whoami(self, query, body):
        user = self.who()
        if user is None:
            raise Refused(401, "Invalid username or password.")
        role = "write" if user["write"] else "read"
        return 200, {"type": "user", "name": user["name"], "orgs": [], "auth": {"accessToken": {"role": role}}}, {}

    def create(self, query, body):
        values, user = json.loads(body), self.who()
        owner = values.get("organization") or user["name"]
        if not user["write"] or owner != user["name"]:
            raise Refused(403, f'You don\'t have the rights to create a dataset under the namespace "{owner}"')
        kind, name = values.get("type") or "model", f"{owner}/{values['name']}"
        url = f"{self.hub.url}/{kind}s/{name}"
        if (kind, name) in self.hub.repos:
            return 409, {"error": "You already created this dataset repo", "url": url}, {}
        self.hub.make(name, kind, values.get("visibility") == "private" or values.get("private") is True)
        return 200, {"url": url, "name": name}, {}

    def info(self, query, body, kind, name, revision="main"):
        repo = self.repo(kind, name)
        sha, tree = self.at(repo, revision)
        siblings = [{"rfilename": path} for path in tree]
        found = {"_id": "1", "id": name, "sha": sha, "private": repo.private, "siblings": siblings, "tags": []}
        return 200, found | {"gated": False, "disabled": False, "downloads": 0, "likes": 0}, {}

    def branch(self, query, body, kind, name, revision):
        repo = self.repo(kind, name, write=True)
        if revision in repo.branches:
            raise Refused(409, "this branch is there already")
        repo.branches[revision] = repo.branches["main"]
        return 201, {}, {}

    def listing(self, query, body, kind, name, revision, path=""):
        _, tree = self.at(self.repo(kind, name), revision)
        below = {one: entry for one, entry in tree.items() if not path or one.startswith(f"{path}/")}
        if path and not below:
            raise Refused(404, f"{path} does not exist", "EntryNotFound")
        recursive = query.get("recursive", ["false"])[0].lower() == "true"
        depth = path.count("/") + 1 if path else 0
        found = {}
        for one, entry in below.items():
            steps = one.split("/")
            for end in range(depth + 1, len(steps)):
                found["/".join(steps[:end])] = {"type": "directory", "oid": "0" * 40, "size": 0}
            found[one] = entry.info(one)
        rows = [info | {"path": one} for one, info in sorted(found.items()) if recursive or one.count("/") == depth]
        start = int(query.get("cursor", ["0"])[0])
        headers = {}
        if start + self.hub.page < len(rows):
            more = f"{self.hub.url}{urlsplit(self.path).path}?recursive={recursive}&cursor={start + self.hub.page}"
            headers["Link"] = f'<{more}>; rel="next"'
        return 200, rows[start : start + self.hub.page], headers

    def paths(self, query, body, kind, name, revision):
        _, tree = self.at(self.repo(kind, name), revision)
        is_json = "json" in self.headers.get("Content-Type", "")
        wanted = json.loads(body)["paths"] if is_json else parse_qs(body.decode()).get("paths", [])
        folders = {"/".join(one.split("/")[:end]) for one in tree for end in range(1, one.count("/") + 1)}
        rows = [tree[one].info(one) for one in wanted if one in tree]
        rows += [{"type": "directory", "oid": "0" * 40, "size": 0, "path": one} for one in wanted if one in folders]
        return 200, rows, {}

    def preupload(self, query, body, kind, name, revision):
        repo = self.repo(kind, name, write=True)
        _, tree = self.at(repo, revision)
        answers = []
        for file in json.loads(body)["files"]:
            path, there = file["path"], tree.get(file["path"])
            mode = "lfs" if path.endswith(LARGE) or file["size"] > 10e6 else "regular"
            oid = (there.sha256 if there.large else there.blob) if there else None
            ignore = path.endswith(tuple(self.hub.ignored))
            answers.append({"path": path, "uploadMode": mode, "shouldIgnore": ignore, "oid": oid})
        return 200, {"files": answers}, {}

    def batch(self, query, body, kind, name):
        self.repo(kind, name, write=True)
        objects = []
        for one in json.loads(body)["objects"]:
            oid, size, answer = one["oid"], one["size"], dict(one)
            if oid not in self.hub.stored:
                upload = {"href": f"{self.hub.url}/store/{oid}?X-Amz-Signature=signed"}
                if size > self.hub.part_bytes:
                    count = -(-size // self.hub.part_bytes)
                    parts = {f"{n + 1:05d}": f"{self.hub.url}/store/{oid}/{n + 1}?sig=signed" for n in range(count)}
                    upload = {"href": f"{self.hub.url}/complete/{oid}"}
                    upload["header"] = parts | {"chunk_size": str(self.hub.part_bytes)}
                answer["actions"] = {"upload": upload, "verify": {"href": f"{self.hub.url}/verify/{oid}"}}
            objects.append(answer)
        return 200, {"transfer": "basic", "objects": objects}, {}

    def store(self, query, body, oid, part=None):
        if part is not None:
            self.hub.parts[oid, int(part)] = body
            return 200, b"", {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}
        return self.keep(oid, body)

    def keep(self, oid, body):
        if hashlib.sha256(body).hexdigest() != oid:
            raise Refused(400, "what came is not what was announced")
        self.hub.stored[oid] = body
        return 200, {}, {}

    def complete(self, query, body, oid):
        given = json.loads(body)["parts"]
        found = [self.hub.parts[oid, one["partNumber"]] for one in given]
        if [f'"{hashlib.md5(one).hexdigest()}"' for one in found] != [one["etag"] for one in given]:
            raise Refused(400, "wrong etags")
        return self.keep(oid, b"".join(found))

    def verify(self, query, body, oid):
        if len(self.hub.stored.get(oid, b"")) != json.loads(body)["size"]:
            raise Refused(404, "not stored")
        return 200, {}, {}

    def commit(self, query, body, kind, name, revision):
        repo = self.repo(kind, name, write=True)
        sha, tree = self.at(repo, revision)
        tree, (header, *operations) = dict(tree), [json.loads(line) for line in body.splitlines()]
        if header["value"].get("parentCommit") not in (None, sha):
            raise Refused(412, "A commit has happened since. Please refresh and try again.")
        for one in operations:
            value = one["value"]
            path = value["path"]
            if one["key"] == "file":
                tree[path] = Entry(base64.b64decode(value["content"]), False)
            elif one["key"] == "lfsFile":
                if value["oid"] not in self.hub.stored:
                    raise Refused(400, f"{path} points to nothing that was stored")
                tree[path] = Entry(self.hub.stored[value["oid"]], True)
            elif one["key"] == "deletedFile" and path in tree:
                del tree[path]
            else:
                raise Refused(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
        steps = [(one["key"], one["value"]["path"]) for one in operations]
        made = repo.commit(revision, tree, header["value"]["summary"], steps)
        url = f"{self.hub.url}/{kind}s/{name}/commit/{made}"
        return 200, {"success": True, "commitOid": made, "commitUrl": url, "hookOutput": ""}, {}

    def check_card(self, query, body):
        content = json.loads(body)["content"]
        try:
            yaml.safe_load(content.split("---")[1] if content.startswith("---") else "")
        except yaml.YAMLError as error:
            return 400, {"errors": [{"message": str(error)}], "warnings": []}, {}
        return 200, {"errors": [], "warnings": []}, {}

    def resolve(self, query, body, name, revision, path):
        sha, tree = self.at(self.repo("dataset", name), revision)
        if path not in tree:
            raise Refused(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": sha})
        entry = tree[path]
        tag = f'"{entry.sha256 if entry.large else entry.blob}"'
        headers = {"X-Repo-Commit": sha, "ETag": tag, "Accept-Ranges": "bytes", "Content-Type": "text/plain"}
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not span:
            return 200, entry.content, headers
        start, end = int(span[1]), min(int(span[2] or 1 << 60), len(entry.content) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(entry.content)}"
        return 206, entry.content[start : end + 1], headers


def git_hash(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


_REPO = r"/api/(?P<kind>model|dataset|space)s/(?P<name>[^/]+/[^/]+)"
_OID = r"(?P<oid>[0-9a-f]{64})"
ROUTES: list[tuple[tuple[str, ...], str, Callable]] = [
    (("GET",), "/api/whoami-v2", Routes.whoami),
    (("POST",), "/api/repos/create", Routes.create),
    (("POST",), "/api/validate-yaml", Routes.check_card),
    (("GET",), _REPO, Routes.info),
    (("GET",), _REPO + "/revision/(?P<revision>[^/]+)", Routes.info),
    (("POST",), _REPO + "/branch/(?P<revision>[^/]+)", Routes.branch),
    (("GET",), _REPO + "/tree/(?P<revision>[^/]+)", Routes.listing),
    (("GET",), _REPO + "/tree/(?P<revision>[^/]+)/(?P<path>.+)", Routes.listing),
    (("POST",), _REPO + "/paths-info/(?P<revision>[^/]+)", Routes.paths),
    (("POST",), _REPO + "/preupload/(?P<revision>[^/]+)", Routes.preupload),
    (("POST",), _REPO + "/commit/(?P<revision>[^/]+)", Routes.commit),
    (("POST",), r"/(?P<kind>dataset)s/(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch", Routes.batch),
    (("PUT",), f"/store/{_OID}(/(?P<part>[0-9]+))?", Routes.store),
    (("POST",), f"/complete/{_OID}", Routes.complete),
    (("POST",), f"/verify/{_OID}", Routes.verify),
    (("GET", "HEAD"), "/datasets/(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)", Routes.resolve),
]
