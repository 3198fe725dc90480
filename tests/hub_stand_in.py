"""A hub on loopback: speaks the part of the hub's HTTP protocol that huggingface_hub uses to make a repository, commit
to it and download from it. Files live in memory, each commit is a whole snapshot."""

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants

TOKEN = "hf_stand_in"


@dataclass
class Repository:
    private: bool
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, files: dict[str, bytes]) -> str:
        text = f"{len(self.commits)}" + "".join(f"{n}{hashlib.sha256(b).hexdigest()}" for n, b in sorted(files.items()))
        oid = hashlib.sha1(text.encode()).hexdigest()
        self.commits[oid] = files
        self.branches[branch] = oid
        return oid

    def resolve(self, revision: str) -> str | None:
        return revision if revision in self.commits else self.branches.get(revision)


def oid_of(path: str, raw: bytes) -> str:
    """As git knows it: sha256 of what lies in LFS, the blob's own hash of the rest."""
    if path.endswith(".safetensors"):
        return hashlib.sha256(raw).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(raw) + raw).hexdigest()


class Handler(BaseHTTPRequestHandler):
    server: "Hub"
    protocol_version = "HTTP/1.1"

    def log_message(self, *words: object) -> None:
        pass

    def reply(self, status: int, body: object = None, headers: dict[str, str] | None = None) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        lines = {"Content-Type": "application/json", "Content-Length": str(len(raw)), **(headers or {})}
        for key, value in lines.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def refuse(self, status: int, code: str) -> None:
        self.reply(status, {"error": code}, {"X-Error-Code": code, "X-Error-Message": code})

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().strip() or b"0", 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def handle_request(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.body()
        self.server.requests.append(f"{self.command} {path}")
        if self.headers.get("Authorization") not in (None, f"Bearer {TOKEN}"):
            self.reply(401, {"error": "Invalid credentials"})
            return
        writes = self.command in ("POST", "PUT") and not path.startswith("/lfs/") and path != "/api/validate-yaml"
        if writes and self.headers.get("Authorization") is None:
            self.reply(401, {"error": "Invalid credentials"})
            return
        for method, pattern, action in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and self.command in method:
                action(self, body, *match.groups())
                return
        self.reply(404, {"error": f"the stand-in has no {self.command} {path}"})

    do_GET = do_HEAD = do_POST = do_PUT = handle_request

    def repository(self, name: str) -> Repository | None:
        found = self.server.repositories.get(name)
        if found is None or (found.private and self.headers.get("Authorization") is None):
            self.refuse(404, "RepoNotFound")
            return None
        return found

    def snapshot(self, name: str, revision: str) -> tuple[Repository, str] | None:
        found = self.repository(name)
        if found is None:
            return None
        oid = found.resolve(revision)
        if oid is None:
            self.refuse(404, "RevisionNotFound")
            return None
        return found, oid

    def create(self, body: bytes) -> None:
        values = json.loads(body)
        name = f"{values.get('organization') or 'me'}/{values['name']}"
        url = f"{self.server.url}/{name}"
        if name in self.server.repositories:
            self.reply(409, {"error": "You already created this model repo", "url": url})
            return
        private = values.get("private") is True or values.get("visibility") == "private"
        self.server.repositories[name] = made = Repository(private)
        made.commit("main", {".gitattributes": b"*.safetensors filter=lfs\n"})
        self.reply(200, {"url": url, "name": name})

    def branch(self, body: bytes, name: str, branch: str) -> None:
        if found := self.repository(name):
            if branch in found.branches:
                self.reply(409, {"error": "Reference already exists"})
                return
            found.branches[branch] = found.branches["main"]
            self.reply(200, {})

    def validate(self, body: bytes) -> None:
        self.server.cards.append(json.loads(body)["content"])
        self.reply(200, {"errors": [], "warnings": []})

    def preupload(self, body: bytes, name: str, revision: str) -> None:
        if found := self.snapshot(name, revision):
            held = found[0].commits[found[1]]
            files = [{"path": f["path"], "uploadMode": "lfs" if f["path"].endswith(".safetensors") else "regular",
                      "shouldIgnore": False, "oid": oid_of(f["path"], held[f["path"]]) if f["path"] in held else None}
                     for f in json.loads(body)["files"]]
            self.reply(200, {"files": files})

    def lfs_batch(self, body: bytes, name: str) -> None:
        objects = [{**o, "actions": {"upload": {"href": f"{self.server.url}/lfs/{o['oid']}"}}}
                   for o in json.loads(body)["objects"]]
        self.reply(200, {"transfer": "basic", "objects": objects})

    def lfs_put(self, body: bytes, oid: str) -> None:
        same = hashlib.sha256(body).hexdigest() == oid
        if same:
            self.server.objects[oid] = body
        self.reply(200 if same else 422, {})

    def commit(self, body: bytes, name: str, revision: str) -> None:
        if (found := self.snapshot(name, revision)) is None:
            return
        repository, oid = found
        files = dict(repository.commits[oid])
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.objects[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        new = repository.commit(revision, files)
        url = f"{self.server.url}/{name}/commit/{new}"
        self.reply(200, {"commitUrl": url, "commitOid": new, "pullRequestUrl": None})

    def info(self, body: bytes, name: str, revision: str | None = None) -> None:
        if found := self.snapshot(name, revision or "main"):
            repository, oid = found
            self.reply(200, {"id": name, "modelId": name, "sha": oid, "private": repository.private, "tags": [],
                             "siblings": [{"rfilename": n} for n in sorted(repository.commits[oid])]})

    def tree(self, body: bytes, name: str, revision: str) -> None:
        if found := self.snapshot(name, revision):
            repository, oid = found
            rows = []
            for path, raw in sorted(repository.commits[oid].items()):
                row = {"type": "file", "path": path, "size": len(raw), "oid": oid_of(path, raw)}
                if path.endswith(".safetensors"):
                    row["lfs"] = {"oid": oid_of(path, raw), "size": len(raw), "pointerSize": 134}
                rows.append(row)
            self.reply(200, rows)

    def file(self, body: bytes, name: str, revision: str, path: str) -> None:
        if found := self.snapshot(name, revision):
            repository, oid = found
            raw = repository.commits[oid].get(path)
            if raw is None:
                self.refuse(404, "EntryNotFound")
                return
            headers = {"ETag": f'"{oid_of(path, raw)}"', "X-Repo-Commit": oid}
            self.reply(200, raw, {**headers, "Content-Type": "application/octet-stream"})


NAME = r"([\w.-]+/[\w.-]+)"
ROUTES = [
    (("POST",), r"/api/repos/create", Handler.create),
    (("POST",), r"/api/validate-yaml", Handler.validate),
    (("POST",), rf"/api/models/{NAME}/branch/(.+)", Handler.branch),
    (("POST",), rf"/api/models/{NAME}/preupload/(.+)", Handler.preupload),
    (("POST",), rf"/{NAME}\.git/info/lfs/objects/batch", Handler.lfs_batch),
    (("PUT",), r"/lfs/(\w+)", Handler.lfs_put),
    (("POST",), rf"/api/models/{NAME}/commit/(.+)", Handler.commit),
    (("GET",), rf"/api/models/{NAME}", Handler.info),
    (("GET",), rf"/api/models/{NAME}/revision/(.+)", Handler.info),
    (("GET",), rf"/api/models/{NAME}/tree/([^/]+)", Handler.tree),
    (("GET", "HEAD"), rf"/{NAME}/resolve/([^/]+)/(.+)", Handler.file),
]


def point_to(hub: "Hub", cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT, HF_TOKEN and so on do in a new process: the library reads most of them on import only."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}")


class Hub(ThreadingHTTPServer):
    """``with Hub() as hub: hub.url`` serves until the block ends."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.cards: list[str] = []
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> "Hub":
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join()
