"""What the control store keeps about mirrors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.store.control import ControlStore
from appliance.store.mirrors import MirrorStore, Orders
from appliance.testing import START_US, SettableClock


@pytest.fixture
def mirrors(tmp_path: Path) -> Iterator[MirrorStore]:
    """A store that keeps three dead letters of each mirror."""
    with ControlStore(tmp_path / "control.sqlite") as store:
        yield MirrorStore(store, SettableClock(), kept=3)


def test_orders_add_up(mirrors: MirrorStore) -> None:
    """Each order stays until it is taken back or done, and is one mirror's alone."""
    assert Orders() == mirrors.orders("redis")
    mirrors.pause("redis", paused=True)
    mirrors.rebuild("redis", START_US)
    assert (True, True, START_US) == _told(mirrors)
    mirrors.rebuild_done("redis")
    mirrors.pause("redis", paused=False)
    assert (False, False, START_US) == _told(mirrors)
    mirrors.rebuild("redis", None)
    assert (False, True, None) == _told(mirrors)
    assert Orders() == mirrors.orders("postgresql")


def _told(mirrors: MirrorStore) -> tuple[bool, bool, int | None]:
    orders = mirrors.orders("redis")
    return orders.paused, orders.rebuild, orders.start_us


def test_dead_letters_are_bounded(mirrors: MirrorStore) -> None:
    """The newest are kept, the same event once, and what went is counted; other mirrors' don't count."""
    mirrors.refuse("redis", [("r", 1, "full")])
    for seq in (1, 2, 2, 3, 4, 5):
        mirrors.refuse("elasticsearch", [(f"e{seq}", seq, "x" * 1_000)])
    assert [5, 4, 3] == [letter.seq for letter in mirrors.refusals("elasticsearch", limit=10)]
    assert [4] == [letter.seq for letter in mirrors.refusals("elasticsearch", limit=1, before="e5")]
    assert {500} == {len(letter.reason) for letter in mirrors.refusals("elasticsearch", limit=10)}
    assert ((3, 2), (1, 0)) == (mirrors.refusal_counts("elasticsearch"), mirrors.refusal_counts("redis"))
    mirrors.rebuild_done("elasticsearch")
    assert ((0, 0), (1, 0)) == (mirrors.refusal_counts("elasticsearch"), mirrors.refusal_counts("redis"))


def test_more_at_once_than_are_kept(mirrors: MirrorStore) -> None:
    """A single batch may go beyond the bound."""
    mirrors.refuse("redis", [(f"e{seq}", seq, "no") for seq in range(8)])
    assert [7, 6, 5] == [letter.seq for letter in mirrors.refusals("redis", limit=10)]
    assert (3, 5) == mirrors.refusal_counts("redis")


def test_an_erasure_is_for_every_mirror_that_ever_ran(mirrors: MirrorStore) -> None:
    """Also for those that are off now; each is done on its own, unless it was asked for again meanwhile."""
    mirrors.put_last_seen("off", "log:7")
    assert ["off", "redis"] == mirrors.ask_erasure(["redis"], "ada", "log:9")
    (erasure,) = mirrors.orders("redis").erasures
    assert ("ada", "log:9", START_US) == (erasure.user_id, erasure.position, erasure.asked_us)
    mirrors.ask_erasure(["redis"], "ada", "log:12")
    mirrors.erased("redis", erasure)
    assert ["off", "redis"] == mirrors.pending_erasures("ada")
    mirrors.erased("redis", mirrors.orders("redis").erasures[0])
    assert ["off"] == mirrors.pending_erasures("ada")


def test_cursors_and_notes(mirrors: MirrorStore) -> None:
    """The cursor and the note of another's are two things; a rebuild forgets both."""
    assert (None, None) == (mirrors.cursor("a"), mirrors.last_seen("a"))
    mirrors.put_cursor("a", "log:1")
    mirrors.put_last_seen("a", "log:2")
    assert ("log:1", "log:2") == (mirrors.cursor("a"), mirrors.last_seen("a"))
    mirrors.put_cursor("a", None)
    assert (None, "log:2") == (mirrors.cursor("a"), mirrors.last_seen("a"))
    mirrors.rebuild_done("a")
    assert mirrors.last_seen("a") is None
