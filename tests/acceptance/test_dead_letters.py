"""Refused events over HTTP and by command: looked at, mended, replayed, discarded, and replayed under kill -9."""

from __future__ import annotations

import base64
import http.client
import json
import random
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import StartServer
from tests.acceptance.server import Answer, Server
from tests.process import run_command

_BAD: dict[str, Any] = {"event_type": "conversion", "user_id": "ada", "properties": {"revenue": "a lot"}}
_GOOD: dict[str, Any] = _BAD | {"properties": {"revenue": "19.99"}}


def _letters(server: Server, query: str = "") -> dict[str, Any]:
    answer = server.request("GET", f"/v1/dead-letters{query}")
    assert 200 == answer.status, answer.body
    listed: dict[str, Any] = answer.json()
    return listed


def _replay(server: Server, body: object) -> Answer:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return server.request("POST", "/v1/dead-letters/replay", sent, {"content-type": "application/json"})


def test_a_letter_from_refusal_to_replay(server: Server) -> None:
    """Listed as it came, refused again as it is, stored when mended, a duplicate after that, gone from the list."""
    server.post([_BAD, {"event_type": "ok", "user_id": "b"}])
    server.request("POST", "/v1/events", b'{"user_id":"\xff"}', {"content-type": "application/x-ndjson"})
    listed = _letters(server)
    broken, letter = listed["dead_letters"]
    as_it_is = _replay(server, {"ids": [letter["id"]]})
    mended = {"events": [{"id": letter["id"], "event": _GOOD}, {"id": letter["id"], "event": {"user_id": 1}}]}

    assert (2, 0) == (listed["total"], listed["dropped"])
    assert {
        "id": letter["id"],
        "received_at": letter["received_at"],
        "source": "http",
        "code": "bad_amount",
        "field": "properties.revenue",
        "message": letter["message"],
        "payload": json.dumps(_BAD),
        "payload_encoding": "utf-8",
    } == letter
    assert ("invalid_json", "base64", b'{"user_id":"\xff"}') == (
        broken["code"],
        broken["payload_encoding"],
        base64.b64decode(broken["payload"]),
    )
    assert (400, "bad_amount", [0]) == (
        as_it_is.status,
        as_it_is.json()["code"],
        [rejected["index"] for rejected in as_it_is.json()["rejected"]],
    )
    told = _replay(server, mended)
    assert (202, 1, 0, [(1, "missing_field", "event_type")]) == (
        told.status,
        told.json()["accepted"],
        told.json()["duplicates"],
        [(rejected["index"], rejected["code"], rejected["field"]) for rejected in told.json()["rejected"]],
    )
    again = _replay(server, {"ids": [letter["id"]]})
    assert (202, {"accepted": 0, "duplicates": 1, "rejected": []}) == (again.status, again.json())
    assert [broken["id"]] == [left["id"] for left in _letters(server)["dead_letters"]]
    assert [("19.9900", letter["received_at"][:19])] == server.stored(
        "SELECT amount::VARCHAR, strftime(received_at, '%Y-%m-%dT%H:%M:%S') FROM events WHERE event_type = 'conversion'"
    )


def test_letters_are_filtered_and_paged(shared_server: Server) -> None:
    """By source, code and time of receipt; `before` goes on where a page ended; newest first."""
    for number in range(5):
        shared_server.post([{"event_type": "Paged", "user_id": f"u{number}"}, {"event_type": "paged"}])
    first = _letters(shared_server, "?code=bad_event_type&source=http&limit=3")
    rest = _letters(shared_server, f"?code=bad_event_type&limit=3&before={first['dead_letters'][-1]['id']}")
    third = first["dead_letters"][2]["received_at"]
    users = [json.loads(letter["payload"])["user_id"] for page in (first, rest) for letter in page["dead_letters"]]

    assert (5, 5) == (first["total"], rest["total"])
    assert ["u4", "u3", "u2", "u1", "u0"] == users
    assert 3 == _letters(shared_server, f"?code=bad_event_type&from={third}")["total"]
    assert 2 == _letters(shared_server, f"?code=bad_event_type&to={third}")["total"]
    assert 0 == _letters(shared_server, "?source=import")["total"]


def test_a_letter_is_shown_and_discarded(shared_server: Server) -> None:
    """One by its id; discarded it is gone, and a replay of it finds nothing."""
    shared_server.post({"event_type": "Discarded", "user_id": "u"})
    letter = _letters(shared_server, "?limit=1")["dead_letters"][0]
    path = f"/v1/dead-letters/{letter['id']}"
    shown = shared_server.request("GET", path)
    discarded = shared_server.request("DELETE", path)

    assert (200, letter) == (shown.status, shown.json())
    assert (200, {"id": letter["id"], "discarded": True}) == (discarded.status, discarded.json())
    assert [404, 404] == [shared_server.request(method, path).status for method in ("GET", "DELETE")]
    assert "not_found" == _replay(shared_server, {"ids": [letter["id"]]}).json()["code"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        ({}, 400, "bad_argument"),
        ({"ids": [], "events": []}, 400, "bad_argument"),
        ({"ids": []}, 400, "empty"),
        ({"ids": [1]}, 400, "bad_argument"),
        ({"events": [{"id": "x"}]}, 400, "bad_argument"),
        ({"ids": ["x"]}, 400, "not_found"),
        ({"ids": ["x"] * 10_001}, 413, "too_large"),
        (b" " * (16 << 20) + b"{}", 413, "too_large"),
    ],
)
def test_a_replay_that_cannot_be_read(shared_server: Server, body: object, status: int, code: str) -> None:
    """Each fault of the body has its status and its code."""
    answer = _replay(shared_server, body)
    assert (status, code) == (answer.status, answer.json()["code"])


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "from=soon", "before=x", f"before={uuid.uuid4()}", "a=b"])
def test_an_argument_that_cannot_be_read(shared_server: Server, query: str) -> None:
    """400 with the argument's name."""
    answer = shared_server.request("GET", f"/v1/dead-letters?{query}")
    assert (400, "bad_argument", query.partition("=")[0]) == (
        answer.status,
        answer.json()["code"],
        answer.json()["field"],
    )


@pytest.mark.parametrize("beside_a_server", [True, False])
def test_the_command_mends_replays_and_discards(
    start_server: StartServer, tmp_path: Path, *, beside_a_server: bool
) -> None:
    """The same answers beside a running server and on the folder itself; 1 where something was refused again."""
    server = start_server()
    server.post([_BAD, {"event_type": "Bad", "user_id": "u"}, {"event_type": "x"}])
    if not beside_a_server:
        server.stop()
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps(_GOOD), "utf-8")

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        told = run_command("dead-letters", *arguments, "--data", str(server.data), "--json")
        return told.returncode, json.loads(told.stdout)

    code, listed = run("list", "--code", "bad_amount")
    letter_id = listed["dead_letters"][0]["id"]
    assert (0, 1) == (code, listed["total"])
    assert json.dumps(_BAD) == run("show", letter_id)[1]["payload"]
    assert (0, 1, 0) == _summary(run("mend", letter_id, "--file", str(mended)))
    assert (0, 0, 1) == _summary(run("mend", letter_id, "--event", mended.read_text("utf-8")))
    code, outcome = run("replay", "--all")
    assert (1, {"bad_event_type", "missing_field"}) == (code, {letter["code"] for letter in outcome["rejected"]})
    assert (0, {"discarded": 1, "not_found": 0}) == run("discard", "--all", "--code", "missing_field")
    assert (1, {"discarded": 0, "not_found": 1}) == run("discard", letter_id)
    assert 1 == run("list")[1]["total"]


def _summary(told: tuple[int, dict[str, Any]]) -> tuple[int, int, int]:
    return told[0], told[1]["accepted"], told[1]["duplicates"]


def test_the_same_file_again_leaves_the_same_letters(server: Server, tmp_path: Path) -> None:
    """Bad lines of an import are kept once, and not again after they were replayed."""
    file = tmp_path / "events.ndjson"
    file.write_text(f"{json.dumps(_BAD)}\nnonsense\n", "utf-8")
    codes = [run_command("import", str(file), "--data", str(server.data)).returncode for _ in range(2)]
    bad, nonsense = sorted(_letters(server)["dead_letters"], key=lambda letter: str(letter["origin"]))
    assert [1, 1] == codes
    assert [f"{file}:1", f"{file}:2"] == [bad["origin"], nonsense["origin"]]
    _replay(server, {"events": [{"id": bad["id"], "event": _GOOD}]})
    run_command("import", str(file), "--data", str(server.data))

    assert [nonsense["id"]] == [letter["id"] for letter in _letters(server)["dead_letters"]]
    assert [("import",)] == server.stored("SELECT source FROM events")


_LETTERS = 1_500
_KILLS = 5


def test_replays_survive_kill_9(server: Server) -> None:
    """Killed again and again in the middle of replays that are sent until they are answered: each event once."""
    for begin in range(0, _LETTERS, 500):
        server.post([{"event_type": "Bad", "user_id": f"u{number}"} for number in range(begin, begin + 500)])
    ids = [letter["id"] for letter in _letters(server, "?limit=1000")["dead_letters"]]
    ids += [letter["id"] for letter in _letters(server, f"?limit=1000&before={ids[-1]}")["dead_letters"]]
    assert _LETTERS == len(ids)
    rng = random.Random(5)
    rng.shuffle(ids)
    told: list[tuple[int, int, int]] = []
    sender = threading.Thread(target=_replay_stubbornly, args=(server, ids, told), daemon=True)
    sender.start()
    for _ in range(_KILLS):
        time.sleep(rng.uniform(0.1, 0.6))
        server.kill()
        server.start()
    sender.join(120)

    assert not sender.is_alive()
    assert (_LETTERS, 0) == (sum(accepted + duplicates for accepted, duplicates, _ in told), sum(x for _, _, x in told))
    assert 0 == _letters(server)["total"]
    assert [(_LETTERS, _LETTERS, _LETTERS)] == server.stored(
        "SELECT count(*), count(DISTINCT user_id), (SELECT count(DISTINCT id) FROM replayed_dead_letters) FROM events"
    )


def _replay_stubbornly(server: Server, ids: list[str], told: list[tuple[int, int, int]]) -> None:
    """Every letter, mended, a few at a time; what isn't answered is sent again."""
    for begin in range(0, len(ids), 5):
        some = [{"id": letter, "event": {"event_type": "ok", "user_id": letter}} for letter in ids[begin : begin + 5]]
        while True:
            try:
                answer = _replay(server, {"events": some})
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
                continue
            if answer.status != 503:
                break
        body = answer.json()
        told.append((body.get("accepted", 0), body.get("duplicates", 0), len(body["rejected"])))
