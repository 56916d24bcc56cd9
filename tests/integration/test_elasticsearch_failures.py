"""Elasticsearch's mirror while everything goes wrong that can: in the end its indices are the log."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from appliance.adapters.protocol import Unreachable
from tests.integration.elasticsearch_target import ElasticsearchTarget
from tests.integration.running_mirror import RunningMirror, some_rows
from tests.services.direction import Direction
from tests.services.elasticsearch import Elasticsearch


@pytest.fixture
def target(elasticsearch: Elasticsearch) -> Iterator[ElasticsearchTarget]:
    """Indices of the test's own."""
    target = ElasticsearchTarget(elasticsearch)
    yield target
    target.clear()


def _is_cut_or_caught_up(way: Direction, running: RunningMirror) -> bool:
    return not way.cut_is_due or running.status.lag_events == 0


def _block(target: ElasticsearchTarget, name: str, *, on: bool) -> None:
    path = f"/{target.prefix}-*/_settings"
    assert target.ask("PUT", path, {f"index.blocks.{name}": True if on else None}).status_code == 200


def test_a_server_that_is_killed_in_the_middle_of_batches(target: ElasticsearchTarget, tmp_path: Path) -> None:
    """SIGKILL while catching up, and events that come while it is away, neither lose nor double a document."""
    with RunningMirror.of(target.connect, tmp_path, batch_events=400) as running:
        running.append(some_rows(4_000))
        running.until(lambda: running.status.mirrored >= 800)
        target.service.kill()
        running.append(some_rows(1_000, seed=1))
        running.until_down("refused")
        target.service.start()
        running.catch_up()
        assert target.expected(running.events()) == target.effects()
        assert 0 == running.status.refused


def test_a_connection_that_breaks_anywhere(target: ElasticsearchTarget, tmp_path: Path) -> None:
    """Cut after any number of bytes, of a bulk request or of the answer to it."""
    rng = random.Random(3)
    with (
        target.service.proxy() as proxy,
        RunningMirror.of(partial(target.connect, f"http://{proxy.address}"), tmp_path, batch_events=100) as running,
    ):
        for number in range(12):
            way, most = rng.choice(((proxy.up, 60_000), (proxy.down, 4_000)))
            way.cut_after(rng.randrange(1, most))
            running.append(some_rows(200, seed=number))
            running.until(partial(_is_cut_or_caught_up, way, running))
        running.catch_up()
        assert target.expected(running.events()) == target.effects()
        assert proxy.accepted > 5


def test_a_way_that_is_slow_and_then_silent(
    target: ElasticsearchTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow server is caught up with; one that doesn't answer is down, though it did what it was asked."""
    with (
        target.service.proxy() as proxy,
        RunningMirror.of(partial(target.connect, f"http://{proxy.address}"), tmp_path) as running,
    ):
        proxy.down.delay_seconds = 0.05
        proxy.up.bytes_per_second = 500_000
        running.append(some_rows(1_000))
        running.catch_up()
        monkeypatch.setattr("appliance.adapters.elasticsearch_connection.READ_SECONDS", 1.0)
        proxy.cut()
        running.until_down()
        proxy.down.silent = True
        running.append(some_rows(100))
        running.until_down("no answer within 1 s")
        proxy.restore()
        running.catch_up()
        assert target.expected(running.events()) == target.effects()


@pytest.mark.parametrize(
    ("block", "words"), [("read_only_allow_delete", "its disk is full"), ("write", "somebody made it read-only")]
)
def test_indices_that_take_no_writes(target: ElasticsearchTarget, tmp_path: Path, block: str, words: str) -> None:
    """Beyond the flood stage of its disk, or told by somebody to take none: it waits, and refuses no event."""
    with RunningMirror.of(target.connect, tmp_path) as running:
        running.append(some_rows(100))
        running.catch_up()
        _block(target, block, on=True)
        running.append(some_rows(300, seed=1))
        running.until_down(words)
        assert (300, 0) == (running.status.lag_events, running.status.refused)
        with pytest.raises(Unreachable, match=words):
            target.ready().erase(running.events()[0]["user_id"])
        _block(target, block, on=False)
        running.catch_up()
        assert target.expected(running.events()) == target.effects()


def test_indices_that_go_away(target: ElasticsearchTarget, tmp_path: Path) -> None:
    """An index that somebody drops is made again with its mappings, though indices may not make themselves."""
    with RunningMirror.of(target.connect, tmp_path) as running:
        running.append(some_rows(100))
        running.catch_up()
        names = [name for name in target.indices() if name.startswith(target.prefix)]
        try:
            target.ask("PUT", "/_cluster/settings", {"persistent": {"action.auto_create_index": "false"}})
            for name in names:
                target.ask("DELETE", f"/{name}")
            running.append(some_rows(200, seed=1))
            running.catch_up()
        finally:
            target.ask("PUT", "/_cluster/settings", {"persistent": {"action.auto_create_index": None}})
        assert target.expected(running.events()[100:]) == target.effects()
        (mapping, *_) = target.ask("GET", f"/{target.prefix}-*/_mapping").json().values()
        assert "flattened" == mapping["mappings"]["properties"]["properties"]["type"]


def test_one_node_of_several_is_dead(target: ElasticsearchTarget, tmp_path: Path) -> None:
    """The other is written to, also when one dies under way."""
    with target.service.proxy() as one, target.service.proxy() as other:
        one.refuse()
        make = partial(target.connect, f"http://{one.address}", f"http://{other.address}")
        with RunningMirror.of(make, tmp_path) as running:
            running.append(some_rows(500))
            running.catch_up()
            one.restore()
            other.refuse()
            running.append(some_rows(500, seed=1))
            running.catch_up()
            assert target.expected(running.events()) == target.effects()


def test_nobody_there(target: ElasticsearchTarget) -> None:
    """Where nobody listens, or names lead nowhere, it is unreachable, and the words are short."""
    with target.service.proxy() as proxy:
        gone = proxy.address
    for host in (gone, "no-such-host.invalid:9200"):
        with pytest.raises(Unreachable, match=r"^it can't be reached: [A-Z][a-z ]+$"):
            target.connect(f"http://{host}").setup()


def test_https_where_none_is_spoken(target: ElasticsearchTarget) -> None:
    """Encryption where there is none is told as such."""
    with pytest.raises(Unreachable, match="https"):
        target.connect(f"https://{target.service.address}/search").setup()
