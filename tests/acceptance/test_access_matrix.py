"""Every route with every key: what opens what, and that no way around it opens more."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.access_table import OPENS, ROUTES, Needs, example, routed
from tests.acceptance.bare_http import ask
from tests.acceptance.server import Answer, Server

_GIVEN = {"admin": "given-admin-key-of-many-characters", "write": "given-write-key-of-many-characters"}
_ENVIRONMENT = {
    "APPLIANCE__SERVER__AUTH": "keys",
    "APPLIANCE_ADMIN_KEY": _GIVEN["admin"],
    "APPLIANCE_WRITE_KEY": _GIVEN["write"],
    "APPLIANCE__SERVER__FAILED_KEYS_PER_MINUTE": "1000000",
}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in key mode."""
    server = Server(tmp_path_factory.mktemp("guarded"), _ENVIRONMENT)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def keys(guarded: Server) -> dict[str, str]:
    """A key of each scope, and none; ``owner`` is the command line's token."""
    owner = json.loads((guarded.data / "server.json").read_text())["token"]
    return {**_GIVEN, "none": "", "owner": owner, "read": make_key(guarded, "read")["key"]}


def make_key(server: Server, scope: str, **fields: str) -> dict[str, str]:
    """A key made by the administrator."""
    body = json.dumps({"scopes": [scope], **fields}).encode()
    answer = server.request("POST", "/v1/keys", body, bearer(_GIVEN["admin"]))
    assert 201 == answer.status, answer.body
    made: dict[str, str] = answer.json()
    return made


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


def _expected(key: str, needs: Needs) -> str:
    if needs in OPENS[key]:
        return "open"
    return "unauthorized" if key == "none" else "forbidden"


def _outcome(answer: Answer) -> str:
    if answer.status not in {401, 403}:
        return "open"
    told = json.loads(answer.body)
    assert "application/problem+json" == answer.headers["content-type"]
    assert answer.status == told["status"]
    assert (answer.status == 401) == (answer.headers.get("www-authenticate") == "Bearer")
    return str(told["code"])


def test_the_table_has_every_route() -> None:
    """A route that is in the application and not in the table, or the other way round, fails here."""
    assert set(ROUTES) == routed()


def test_every_route_opens_to_the_right_keys_alone(guarded: Server, keys: dict[str, str]) -> None:
    """No key: 401. A key without the scope: 403. A key with it: neither."""
    wrong = []
    for (method, template), needs in ROUTES.items():
        for name, key in keys.items():
            answer = ask(guarded, method, example(template), *bearer(key).items())
            # a HEAD's answer has no body to tell the code
            outcome = (
                _outcome(answer)
                if method != "HEAD"
                else {401: "unauthorized", 403: "forbidden"}.get(answer.status, "open")
            )
            if _expected(name, needs) != outcome:
                wrong.append((method, template, name, outcome))
    assert [] == wrong


def test_methods_that_nobody_routes_open_nothing(guarded: Server, keys: dict[str, str]) -> None:
    """Whatever the method, a stranger gets 401, and a write key 403, but where the table says otherwise."""
    opened = set()
    for template in [*dict.fromkeys(template for _, template in ROUTES), "/", "/nothing", "/v1/nothing"]:
        for method in _METHODS:
            for name in ("none", "write"):
                status = ask(guarded, method, example(template), *bearer(keys[name]).items()).status
                if status != (401 if name == "none" else 403):
                    opened.add((name, method, template))
    health = {
        (name, method, path)
        for name in ("none", "write")
        for method in ("GET", "HEAD", "OPTIONS")
        for path in ("/health", "/ready")
    }
    assert health | {("write", "POST", "/v1/events")} == opened


@pytest.mark.parametrize(
    "path",
    [
        "//v1/keys",
        "///v1//keys",
        "/v1/./keys",
        "/v1/x/../keys",
        "/health/../v1/keys",
        "/health/..%2fv1%2fkeys",
        "/health%2f..%2fv1/keys",
        "/v1/keys/",
        "/v1/keys//",
        "/v1/keys;x=/health",
        "/v1/keys?/health",
        "/v1/keys#/health",
        "/v1%2fkeys",
        "/v1/%6beys",
        "/%761/keys",
        "/v1/keys%00",
        "/v1/keys%0a",
        "/V1/KEYS",
        "/v1/Keys",
        "/v1\\keys",
        "/internal/hello/",
        "/internal%2fhello",
        "//internal/hello",
        "/Internal/hello",
        "/static-offline-docs/../v1/keys",
        "/static-offline-docs/..%2f..%2fv1/keys",
        "/docs/../v1/audit",
        "/health/",
        "/ready/x",
        "/HEALTH",
        "http://127.0.0.1/v1/keys",
        "http://evil.example/v1/keys",
        "*",
    ],
)
def test_no_spelling_of_a_path_opens_more(guarded: Server, keys: dict[str, str], path: str) -> None:
    """A stranger gets 401, and a read key no list of keys, however the address is written."""
    stranger = ask(guarded, "GET", path)
    assert stranger.status in {400, 401}
    reader = ask(guarded, "GET", path, *bearer(keys["read"]).items())
    assert reader.status in {400, 403, 404}
    assert 400 <= ask(guarded, "POST", path, *bearer(keys["write"]).items()).status < 500


def test_a_key_counts_in_the_authorization_header_alone(guarded: Server, keys: dict[str, str]) -> None:
    """In a query, a cookie, another header or another scheme it is no key; the scheme's letter case is free."""
    key = keys["read"]
    path = "/v1/activity"
    for good in (f"bearer {key}", f"BEARER {key}", f"Bearer   {key}  "):
        assert 200 == ask(guarded, "GET", path, ("Authorization", good)).status
    for header in (
        ("Authorization", key),
        ("Authorization", f"Basic {key}"),
        ("Authorization", f"Token {key}"),
        ("Authorization", f"Bearer{key}"),
        ("Authorization", f"Bearer {key} {key}"),
        ("Authorization", f"Bearer {key},"),
        ("Authorization", f"Bearer {key[:-1]}"),
        ("Authorization", f"Bearer {key}\u00e9".encode().decode("latin-1")),
        ("Authorization", "Bearer "),
        ("Authorization", "Bearer"),
        ("Authorization", ""),
        ("Proxy-Authorization", f"Bearer {key}"),
        ("X-API-Key", key),
        ("Cookie", f"appliance_session={key}"),
        ("Cookie", f"Authorization=Bearer {key}"),
    ):
        assert 401 == ask(guarded, "GET", path, header).status, header
    for name in ("key", "api_key", "token", "access_token", "authorization"):
        assert 401 == ask(guarded, "GET", f"{path}?{name}={key}").status, name


def test_two_authorization_headers_are_none(guarded: Server, keys: dict[str, str]) -> None:
    """Whoever stands in front may have judged the other one, so neither counts."""
    for first, second in (("wrong", keys["read"]), (keys["read"], "wrong"), (keys["read"], keys["admin"])):
        headers = [("Authorization", f"Bearer {key}") for key in (first, second)]
        assert 401 == ask(guarded, "GET", "/v1/activity", *headers).status


def test_an_expired_key_opens_nothing(guarded: Server) -> None:
    """From its end on a key is unknown."""
    end = datetime.now(UTC) + timedelta(seconds=1.5)
    key = make_key(guarded, "read", expires_at=end.isoformat())["key"]
    assert 200 == guarded.request("GET", "/v1/activity", headers=bearer(key)).status
    while datetime.now(UTC) < end:
        time.sleep(0.05)
    assert 401 == guarded.request("GET", "/v1/activity", headers=bearer(key)).status


def test_a_revoked_key_opens_nothing(guarded: Server) -> None:
    """From the answer to its revocation on a key is unknown."""
    made = make_key(guarded, "admin")
    assert 200 == guarded.request("GET", "/v1/keys", headers=bearer(made["key"])).status
    revoked = guarded.request("DELETE", f"/v1/keys/{made['id']}", headers=bearer(made["key"]))
    assert 200 == revoked.status
    assert 401 == guarded.request("GET", "/v1/keys", headers=bearer(made["key"])).status


def test_with_keys_foreign_pages_stay_out(guarded: Server, keys: dict[str, str]) -> None:
    """A right key doesn't help a page of another site; any name of the host is fine, there may be a proxy."""
    own = f"127.0.0.1:{guarded.port}"
    right = ("Authorization", f"Bearer {keys['read']}")
    for origin, status in (
        (f"http://{own}", 200),
        (f"http://127.0.0.1:{guarded.ui_port}", 200),
        ("null", 403),
        ("http://evil.example", 403),
        (f"http://evil.example:{guarded.port}", 403),
        ("http://127.0.0.1:1", 403),
        ("", 403),
    ):
        assert status == ask(guarded, "GET", "/v1/activity", right, ("Origin", origin)).status, origin
    assert (
        200
        == guarded.request("GET", "/v1/activity", headers={**bearer(keys["read"]), "host": "figures.example"}).status
    )


def test_in_open_mode_foreign_pages_stay_out(shared_server: Server) -> None:
    """Without keys, every route refuses a foreign Host, a foreign Origin, `Origin: null` and forwarded requests."""
    for method, template in ROUTES:
        for name, value in (
            ("host", "evil.example"),
            ("host", f"evil.example:{shared_server.port}"),
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("x-forwarded-for", "127.0.0.1"),
            ("forwarded", "for=127.0.0.1"),
        ):
            answer = shared_server.request(method, example(template), headers={name: value})
            assert 403 == answer.status, (method, template, name, value)
    assert 202 == shared_server.post({"event_type": "email_sent", "user_id": "u"}, {"origin": shared_server.url}).status
