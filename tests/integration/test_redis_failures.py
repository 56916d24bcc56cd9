"""Redis' mirror while everything goes wrong that can: its counters equal a recount of the log, exactly."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from appliance.adapters.protocol import Misconfigured, Unreachable
from appliance.adapters.redis import STATE, RedisMirror
from appliance.clock import SystemClock
from appliance.testing import make_row
from tests.acceptance.small_disk import SmallDisk
from tests.integration.mirror_conformance import Written, nothing_refused
from tests.integration.redis_target import RedisTarget, recounted
from tests.integration.running_mirror import RunningMirror, some_rows
from tests.services.direction import Direction
from tests.services.fixtures import StartService
from tests.services.redis import Redis

_PAGE = Path(__file__).parents[2] / "docs/mirrors.md"
_COMMANDS = re.findall(r"[A-Z]+", re.findall(r"the commands\s`([A-Z\s]+)`", _PAGE.read_text("utf-8"))[0])
"""Those that the page says must be allowed."""


@pytest.fixture
def target(redis: Redis) -> Iterator[RedisTarget]:
    """A Redis that is empty, and real time, since Redis' own clock can't be set."""
    with RedisTarget.made_on(redis) as target:
        target.clock.set(SystemClock().now_us())
        yield target


def _assert_exact(running: RunningMirror, target: RedisTarget) -> None:
    """No more and no less: the events of the test are far from both ages at which they stop counting."""
    assert recounted(running.events(), target.clock.now_us()) == target.counters()


def _is_cut_or_caught_up(way: Direction, running: RunningMirror) -> bool:
    return not way.cut_is_due or running.status.lag_events == 0


def test_a_server_that_is_stopped_under_load(target: RedisTarget, tmp_path: Path) -> None:
    """Events that come while it is away are counted when it is back."""
    with RunningMirror.of(target.connect, tmp_path) as running:
        running.append(some_rows(2_000))
        running.catch_up()
        target.service.stop()
        for number in range(10):
            running.append(some_rows(500, seed=number))
        running.until_down()
        assert 5_000 == running.status.lag_events
        target.service.start()
        running.catch_up()
        _assert_exact(running, target)


@pytest.mark.slow
def test_a_server_that_is_killed_in_the_middle_of_batches(target: RedisTarget, tmp_path: Path) -> None:
    """SIGKILL at random moments of catching up neither loses nor doubles a count."""
    rng = random.Random(7)
    with RunningMirror.of(target.connect, tmp_path, batch_events=100) as running:
        for number in range(7):
            running.append(some_rows(5_000, seed=number))
            time.sleep(rng.uniform(0.02, 0.3))
            target.service.kill()
            target.service.start()
        running.catch_up()
        _assert_exact(running, target)


@pytest.mark.slow
def test_a_connection_that_breaks_anywhere(target: RedisTarget, tmp_path: Path) -> None:
    """Cut after any number of bytes, of an order or of the answer to it, whether it was counted or not."""
    rng = random.Random(3)
    with target.service.proxy() as proxy:
        make = partial(target.connect, port=proxy.port)
        with RunningMirror.of(make, tmp_path, batch_events=50) as running:
            for number in range(40):
                way, most = rng.choice(((proxy.up, 12_000), (proxy.down, 60)))
                way.cut_after(rng.randrange(1, most))
                running.append(some_rows(200, seed=number))
                running.until(partial(_is_cut_or_caught_up, way, running))
            running.catch_up()
            _assert_exact(running, target)
            assert proxy.accepted > 20


def test_a_way_that_is_slow_and_then_silent(
    target: RedisTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow server is caught up with; one that doesn't answer is down, and what it did unheard counts once."""
    monkeypatch.setattr("appliance.adapters.redis_session.ANSWER_SECONDS", 2)
    with target.service.proxy() as proxy:
        make = partial(target.connect, port=proxy.port)
        with RunningMirror.of(make, tmp_path) as running:
            proxy.down.delay_seconds = 0.05
            proxy.up.bytes_per_second = 400_000
            running.append(some_rows(1_000))
            running.catch_up()
            proxy.down.silent = True
            running.append(some_rows(100))
            assert "in time" in running.until_down()
            proxy.restore()
            running.catch_up()
            _assert_exact(running, target)


@pytest.mark.parametrize("loss", ["FLUSHALL", f"DEL {STATE}", "SCRIPT FLUSH"])
def test_what_is_lost_is_counted_anew(target: RedisTarget, tmp_path: Path, loss: str) -> None:
    """All counters, or only the cursor as by eviction, or the scripts as by a restart: in the end all is exact."""
    with RunningMirror.of(target.connect, tmp_path) as running:
        for number in range(3):
            running.append(some_rows(700, seed=number))
            running.catch_up()
            target.tell(*loss.split())
        running.append(some_rows(10, seed=9))
        running.until(lambda: target.tell("HGET", STATE, "cursor") == str(running.log.tail()).encode())
        _assert_exact(running, target)


def test_memory_that_is_full(start_service: StartService, tmp_path: Path) -> None:
    """It says so, and nothing is half counted; with memory again it goes on."""
    service = start_service(Redis, {"maxmemory": "3mb", "maxmemory-policy": "noeviction"})
    with RedisTarget.made_on(service) as target, RunningMirror.of(target.connect, tmp_path) as running:
        target.clock.set(SystemClock().now_us())
        running.append(some_rows(20_000, users=20_000))
        assert "memory is full" in running.until_down()
        cursor = target.tell("HGET", STATE, "cursor")
        held = int(cursor.decode().rpartition(":")[2])
        assert recounted(running.events()[:held], target.clock.now_us()) == target.counters()
        target.tell("CONFIG", "SET", "maxmemory", "0")
        running.catch_up()
        _assert_exact(running, target)


def test_a_disk_that_is_full(start_service: StartService, tmp_path: Path) -> None:
    """It says that nothing can be saved; with room again it goes on, and a restart finds cursor and counters alike."""
    service = start_service(Redis, disk_mebibytes=1)
    with RedisTarget.made_on(service) as target, RunningMirror.of(target.connect, tmp_path) as running:
        target.clock.set(SystemClock().now_us())
        running.append(some_rows(20_000, users=20_000))
        assert "can't save its data" in running.until_down("save")
        SmallDisk(service.data).enlarge(200)
        running.catch_up()
        _assert_exact(running, target)
        service.kill()
        service.start()
        running.append(some_rows(100, seed=1))
        running.catch_up()
        _assert_exact(running, target)


def test_a_cursor_that_is_evicted(start_service: StartService, tmp_path: Path) -> None:
    """Where Redis throws keys away as it likes, counters may be missing, but none counts an event twice."""
    service = start_service(Redis, {"maxmemory": "2mb", "maxmemory-policy": "allkeys-random"})
    with RedisTarget.made_on(service) as target, RunningMirror.of(target.connect, tmp_path, 200) as running:
        target.clock.set(SystemClock().now_us())
        for number in range(30):
            running.append(some_rows(300, seed=number, users=30_000))
            running.until(lambda: running.status.lag_events == 0)
        assert target.tell("INFO", "stats")["evicted_keys"] > 0
        most = recounted(running.events(), target.clock.now_us())
        assert {} == {key: count for key, count in target.counters().items() if count > most[key]}


def test_a_replica_after_failover(target: RedisTarget, tmp_path: Path) -> None:
    """A server that has become a replica is down until it is a master again, or the name leads to one."""
    with RunningMirror.of(target.connect, tmp_path) as running:
        running.append(some_rows(300))
        running.catch_up()
        target.tell("REPLICAOF", "127.0.0.1", "1")
        running.append(some_rows(300, seed=1))
        assert "it is a replica" in running.until_down()
        target.tell("REPLICAOF", "NO", "ONE")
        running.catch_up()
        _assert_exact(running, target)


def test_logins_and_rights(start_service: StartService) -> None:
    """A wrong password, none, and a user who may not do everything, are told; secrets are not."""
    service = start_service(Redis, {"requirepass": "opensesame"})
    target = RedisTarget(service)

    def refused(told: str, **login: object) -> None:
        mirror = target.connect(**login)
        with pytest.raises(Misconfigured, match=told) as fault:
            mirror.setup()
        assert "wrong-one" not in fault.value.message
        mirror.close()

    refused("Authentication required|NOAUTH")
    refused("invalid username-password pair", password=SecretStr("wrong-one"))
    owner = target.connect(password=SecretStr("opensesame"))
    owner.setup()
    rights = ["on", ">of-the-user", "~event:*", "~user:*", "~metric:*", "~alert:*", "+@all", "-@dangerous"]
    owner._session.call(0, "ACL", "SETUSER", "mirror", *rights)
    login = {"username": "mirror", "password": SecretStr("of-the-user")}
    refused("no permissions to access", **login)
    owner._session.call(0, "ACL", "SETUSER", "mirror", "~analytics-appliance:*", "-set")
    refused("can't run this command", **login)
    owner._session.call(0, "ACL", "SETUSER", "mirror", "-@all", *(f"+{name.lower()}" for name in _COMMANDS))
    mirror, log = target.connect(**login), Written()
    log.append([make_row(user_id="ada")])
    mirror.setup()
    mirror.write(log.batches(mirror.cursor())[0], nothing_refused)
    mirror.publish({"conversions_1h": 1, "revenue_1h": None})
    assert 1 == mirror.erase("ada")
    mirror.reset()
    owner.close()
    mirror.close()


def test_what_cannot_be(target: RedisTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody who listens, a number beyond Redis' databases, and TLS that it doesn't speak."""
    monkeypatch.setattr("appliance.adapters.redis_session.ANSWER_SECONDS", 1)
    with target.service.proxy() as proxy:
        port = proxy.port
    with pytest.raises(Unreachable, match="refused"):
        target.connect(port=port).setup()
    with pytest.raises(Misconfigured, match="DB index is out of range"):
        target.connect(databases=type(target.settings().databases)(alerts=99)).setup()
    with pytest.raises((Misconfigured, Unreachable)):
        target.connect(tls=True).setup()


def test_an_erasure_after_the_types_were_lost(target: RedisTarget, tmp_path: Path) -> None:
    """Without the list of types a person's counters are found by their names, those of others stay."""
    with RunningMirror.of(target.connect, tmp_path) as running:
        running.append(some_rows(500))
        running.catch_up()
        before = target.counters()
    target.tell("DEL", STATE)
    mirror: RedisMirror = target.connect()
    mine = {key for key in before if key.startswith("user:user-7:")}
    assert len(mine) == mirror.erase("user-7")
    assert {key: count for key, count in before.items() if key not in mine} == target.counters()
