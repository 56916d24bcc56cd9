"""No secret comes out: not in an answer, a page, a metric, a log, an error, an export or a file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import yaml
from websockets.sync.client import connect

from appliance.config import load
from appliance.errors import ConfigError
from tests.acceptance import marked_settings
from tests.acceptance.access_table import ROUTES, example
from tests.acceptance.marked_settings import SECRET_PATHS, marker, put
from tests.acceptance.server import Server

_ADMIN = marker(("server", "admin_key"))
_NOISY = {
    "APPLIANCE__SERVER__AUTH": "keys",
    "APPLIANCE__SERVER__LOG_LEVEL": "debug",
    "APPLIANCE__SERVER__ACCESS_LOG": "true",
}
_SQL = (
    "select getenv('APPLIANCE__SERVER__ADMIN_KEY')",
    "select * from duckdb_settings()",
    "select * from read_text('/proc/self/environ')",
    "select 'aa_admin_",
)


@dataclass
class Searched:
    """A running server, everything it said, and what must not be in it."""

    server: Server
    settings: dict[str, str]
    """For commands: the environment that the server has too."""
    arguments: list[str]
    secrets: dict[str, str] = field(default_factory=lambda: {text: text for text in marked_settings.markers()})
    said: dict[str, bytes] = field(default_factory=dict)

    def hear(self, name: str, content: bytes) -> None:
        self.said[name] = self.said.get(name, b"") + content

    def call(
        self, method: str, path: str, body: bytes | None = None, key: str = _ADMIN, **headers: str
    ) -> httpx.Response:
        """A request to the API; what comes back is heard. Endless answers are heard for their first bytes."""
        sent = {"authorization": f"Bearer {key}", **headers}
        with httpx.stream(method, f"{self.server.url}{path}", content=body, headers=sent, timeout=60) as answer:
            if answer.headers.get("content-type", "").startswith("text/event-stream"):
                content = next(answer.iter_bytes())
            else:
                content = answer.read()
        self.hear(f"{method} {path.partition('?')[0]}", f"{answer.status_code} {answer.headers}".encode() + content)
        return answer

    def command(self, *words: str) -> None:
        """A command in the server's own environment, its output heard."""
        done = subprocess.run(
            [sys.executable, "-m", "appliance", *words],
            capture_output=True,
            env=os.environ | self.settings,
            timeout=120,
            check=False,
        )
        self.hear(f"appliance {' '.join(words)}", done.stdout + done.stderr)

    def leaks(self) -> list[tuple[str, str]]:
        """Where which secret was found, in all that was said, printed and written."""
        self.hear("output", (self.server.data.parent / "output.txt").read_bytes())
        for path in sorted(self.server.data.rglob("*")):
            if path.is_file():
                self.hear(f"file {path.name}", path.read_bytes())
        return [
            (place, name) for place, said in self.said.items() for name in marked_settings.found_in(said, self.secrets)
        ]


@pytest.fixture(params=["environment", "file"])
def searched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Searched]:
    """The server with every secret set, in the one way or the other, as talkative as it gets."""
    settings, arguments = dict(_NOISY), []
    if request.param == "environment":
        settings |= marked_settings.as_environment()
    else:
        arguments = ["--config", str(marked_settings.as_file(tmp_path / "marked.yaml"))]
    server = Server(tmp_path, settings, arguments)
    server.start()
    try:
        yield Searched(server, settings, arguments)
    finally:
        if server.process.running:
            server.kill()


def _use(searched: Searched) -> None:
    """Ask for everything, rightly and wrongly."""
    events = [{"event_type": "email_sent", "user_id": f"u{n}", "event_id": f"e{n}"} for n in range(50)]
    searched.call("POST", "/v1/events", json.dumps([*events, {"event_type": "no"}]).encode())
    for method, template in ROUTES:
        if method == "GET":
            searched.call(method, example(template))
    # an answer may quote an argument to the caller who sent it; no log may
    for path in ("/v1/activity?key=KEY", "/v1/heatmap?timezone=KEY", "/v1/keys/KEY", "/v1/metrics/KEY/series", "/KEY"):
        searched.server.request("GET", path.replace("KEY", _ADMIN), headers={"authorization": f"Bearer {_ADMIN}"})
    searched.call("GET", "/v1/activity", key="aa_read_WRONG" + "W" * 40)
    searched.call("GET", "/v1/activity", key=f"{_ADMIN}x")
    for sql in _SQL:
        searched.call("POST", "/v1/query", json.dumps({"sql": sql}).encode(), **{"content-type": "application/json"})
    for body in (b"", b"{", b'{"scopes":["root"]}', f'{{"name":"{_ADMIN}"}}'.encode()):
        searched.call("POST", "/v1/keys", body, **{"content-type": "application/json"})
    searched.call("POST", "/internal/import", b"\xc1nothing")
    for work in ("verify", "rebuild"):
        searched.call("POST", f"/internal/{work}")


def _look(searched: Searched) -> str:
    """The dashboard's pages as a browser that signs in, and the token of its session."""
    searched.server.process.wait_dashboard()
    with httpx.Client(base_url=searched.server.ui_url, timeout=60) as browser:
        pages = [browser.get("/"), browser.get("/login"), browser.get("/login?next=//evil")]
        pages += [browser.post("/login", data={"key": key}) for key in ("", "wrong", f"{_ADMIN}x", _ADMIN)]
        token = browser.cookies["appliance_session"]
        pages += [browser.get("/", follow_redirects=True), browser.get("/nothing"), browser.get("/login")]
        for page in pages:
            # the session is told to the browser that opened it, in its cookie and nowhere else
            told = [value for name, value in page.headers.items() if name != "set-cookie"]
            searched.hear(f"page {page.url.path}", " ".join(told).encode() + page.content)
        address = searched.server.ui_url.replace("http", "ws") + "/live"
        with connect(address, additional_headers={"cookie": f"appliance_session={token}"}, max_size=None) as live:
            said = live.recv(timeout=30)
            searched.hear("web socket", said if isinstance(said, bytes) else said.encode())
    return token


def _command(searched: Searched, folder: Path) -> None:
    data = ["--data", str(searched.server.data)]
    for words in (
        ["--help"],
        ["serve", "--help"],
        ["check", *data, *searched.arguments],
        ["check", "--json", *data, *searched.arguments],
        ["keys", "list", *data],
        ["export", "-", *data],
        ["export", str(folder / "out.parquet"), *data],
        ["verify", *data],
        ["healthcheck", *data],
        ["verify", "--url", searched.server.url, "--key", "wrong"],
        # a second server on the same folder
        ["serve", *data, "--port", "0", "--ui-port", "0", *searched.arguments],
    ):
        searched.command(*words)
    searched.hear("an export", (folder / "out.parquet").read_bytes())


@pytest.mark.slow
def test_no_secret_comes_out(searched: Searched, tmp_path: Path) -> None:
    """With every secret set, everything asked and much of it wrongly, logs at debug, no secret is found anywhere.

    Keys that were made and sessions that were opened are secrets too. What is left out: the answer to the one request
    that makes a key, the cookie of the one that signs in, an error that quotes an argument to who sent it, and the
    token in ``server.json``, which is there for the command line of whoever may read the folder.
    """
    _use(searched)
    made = searched.server.request(
        "POST", "/v1/keys", b'{"scopes":["read"],"name":"made"}', {"authorization": f"Bearer {_ADMIN}"}
    )
    searched.secrets["a key that was made"] = made.json()["key"]
    searched.call("GET", "/v1/activity", key=made.json()["key"])
    searched.secrets["a session"] = _look(searched)
    _command(searched, tmp_path)
    searched.call("GET", "/v1/keys")
    searched.call("GET", "/v1/audit")
    searched.call("GET", "/metrics")
    assert [] == searched.leaks()
    token = json.loads((searched.server.data / "server.json").read_text())["token"]
    searched.server.stop()
    searched.secrets["the command line's token"] = token
    del searched.said["file server.json"]
    assert [] == searched.leaks()
    assert {"output", "file events.duckdb", "file control.sqlite"} <= searched.said.keys()
    assert re.search(rb'"event": ?"request"', searched.said["output"])


@pytest.mark.parametrize("path", SECRET_PATHS, ids=".".join)
def test_a_complaint_about_a_neighbour_quotes_no_secret(path: tuple[str, ...], tmp_path: Path) -> None:
    """A wrong setting beside a secret, a secret of a wrong type, a broken file: the one line names it and no value."""
    secret = marker(path)
    name = ".".join(path)
    section = name.rpartition(".")[0]
    way = marked_settings.way_of(name)
    wrong: list[str] = []
    for changes in ({f"{section}.no_such_setting": secret}, {name: [secret]}, {name: {secret: 1}}, {section: secret}):
        nested: dict[str, object] = {}
        for given, value in {**marked_settings.values(way), **changes}.items():
            if not (given.startswith(f"{section}.") and section in changes):
                put(nested, given, value)
        wrong.append(yaml.safe_dump(nested))
    wrong.append(f"{path[0]}:\n  x: &{secret[:20]} {secret}\n  y: *{secret}\n")
    wrong.append(f"{path[0]}: {{{path[-1]}: {secret}\n")
    for number, text in enumerate(wrong):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text)
        with pytest.raises(ConfigError) as told:
            load(file, {})
        assert "MARKER" not in str(told.value), text
    words = [sys.executable, "-m", "appliance", "check", "--config", str(tmp_path / "0.yaml")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (1, False) == (done.returncode, "MARKER" in done.stdout + done.stderr)
