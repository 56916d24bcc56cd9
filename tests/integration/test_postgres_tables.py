"""Tables that are there before the mirror comes: accepted and completed, or refused with the column and the remedy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.adapters.delivery import deliver
from appliance.adapters.postgres import PostgresMirror
from appliance.adapters.protocol import BatchRefused, MirrorBatch, Misconfigured
from appliance.testing import START_US, make_row
from tests.integration.mirror_conformance import Told, Written, nothing_refused
from tests.integration.postgres_target import PostgresTarget
from tests.services.postgresql import PostgreSQL

_TEAMS = """
    CREATE TABLE analytics_events (
        id bigserial PRIMARY KEY,
        properties json,
        campaign_id varchar(10),
        event_type varchar(64) NOT NULL,
        timestamp timestamp NOT NULL,
        inserted_at timestamptz NOT NULL DEFAULT now(),
        user_id varchar NOT NULL,
        session_id text
    )
"""
_OLD = """
    INSERT INTO analytics_events (properties, event_type, timestamp, user_id)
    VALUES ('{"referred_user_id": "ada", "odd": "\\u0000"}', 'old', '2020-01-01 12:00', 'old'),
           ('{"referred_user_id": "ada", "kept": 1}', 'old', '2020-01-02 12:00', 'old')
"""


@pytest.fixture
def target(postgres: PostgreSQL) -> Iterator[PostgresTarget]:
    """A schema of the test's own."""
    with PostgresTarget.made_on(postgres) as target:
        yield target


def _write(mirror: PostgresMirror, log: Written, told: Told | None = None) -> MirrorBatch:
    batch = log.batches(mirror.cursor())[-1]
    mirror.write(batch, told or nothing_refused)
    return batch


def _ids(target: PostgresTarget) -> list[str | None]:
    return [row["user_id"] for row in target.ask("SELECT user_id FROM analytics_events ORDER BY id")]


def test_a_teams_own_table_is_completed(target: PostgresTarget) -> None:
    """Other types, order and columns will do; old rows stay as they are, through a rebuild and expiry also."""
    target.tell(_TEAMS, _OLD)
    old = target.ask("SELECT id, properties::text, event_type, timestamp, user_id FROM analytics_events ORDER BY id")
    mirror, log, told = target.connect(), Written(), Told()
    mirror.setup()
    at_us = START_US + 1
    log.append([make_row("email_sent", "ada", at_us, campaign_id="c1", properties={"a": [1.5, "ü"]}, session_id="s")])
    log.append([make_row("email_sent", "bob", at_us, campaign_id="longer-than-ten")])
    _write(mirror, log, told)
    assert ["campaign_id is longer than the 10 characters of its column"] == [
        event.reason.partition(": ")[2] for event in told.events
    ]
    new, *_ = target.rows()
    shown = {name: new[name] for name in ("event_type", "user_id", "timestamp", "properties", "session_id")}
    assert {
        "event_type": "email_sent",
        "user_id": "ada",
        "timestamp": at_us,
        "properties": {"a": [1.5, "ü"]},
        "session_id": "s",
    } == shown
    mirror.expire(START_US)
    mirror.reset()
    assert old == target.ask(
        "SELECT id, properties::text, event_type, timestamp, user_id FROM analytics_events ORDER BY id"
    )
    again = target.connect()
    again.setup()
    _write(again, log, told)
    assert ["old", "old", "ada"] == _ids(target)


def test_erasing_from_a_teams_own_rows(target: PostgresTarget) -> None:
    """A person's old rows go too, and their name in others' rows, save where a row's JSON can't be taken apart."""
    target.tell(_TEAMS, _OLD)
    mirror = target.connect()
    mirror.setup()
    assert 0 == mirror.erase("ada")
    assert [{"kept": 1}] == [
        row["properties"] for row in target.ask("SELECT properties FROM analytics_events WHERE id = 2")
    ]
    assert 2 == mirror.erase("old")
    assert [] == target.rows()


def test_rows_with_ids_that_were_there_before(target: PostgresTarget) -> None:
    """What had ids before the mirror came stays at a rebuild, since nobody can tell whose it is."""
    target.tell(
        "CREATE TABLE analytics_events (event_type text, user_id text, timestamp timestamptz, properties jsonb,"
        " session_id text, campaign_id text, event_id uuid UNIQUE)",
        "INSERT INTO analytics_events VALUES ('x', 'theirs', now(), '{}', NULL, NULL, gen_random_uuid())",
    )
    mirror, log = target.connect(), Written()
    mirror.setup()
    log.append([make_row(user_id="ours")])
    _write(mirror, log)
    mirror.reset()
    assert mirror.cursor() is None
    _write(mirror, log)
    assert {"theirs", "ours"} == {row["user_id"] for row in target.rows()}
    assert 2 == len(target.rows())


def test_an_index_whose_making_was_interrupted(target: PostgresTarget) -> None:
    """Ids that are there twice are told; the broken index that is left is made again once they are gone."""
    target.tell(
        _TEAMS,
        _OLD,
        "ALTER TABLE analytics_events ADD COLUMN event_id uuid",
        "UPDATE analytics_events SET event_id = '00000000-0000-4000-8000-000000000000'",
    )
    with pytest.raises(Misconfigured, match=r"unique violation.*analytics_events_event_id_key"):
        target.connect().setup()
    target.tell("DELETE FROM analytics_events WHERE id = 2")
    mirror, log = target.connect(), Written()
    mirror.setup()
    log.append([make_row(user_id="u")])
    _write(mirror, log)
    assert ["old", "u"] == _ids(target)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("ALTER COLUMN user_id TYPE integer USING 1", r"user_id of type integer: ALTER TABLE .* TYPE text"),
        ("ALTER COLUMN properties TYPE text", r"properties of type text: ALTER TABLE .* TYPE jsonb"),
        ("ALTER COLUMN timestamp TYPE text", r"timestamp of type text: ALTER TABLE .* TYPE timestamptz"),
        ("ADD COLUMN event_id text", r"event_id of type text: ALTER TABLE .* TYPE uuid USING event_id::uuid"),
        ("DROP COLUMN session_id", r"no column session_id: ALTER TABLE analytics_events ADD COLUMN session_id text"),
        ("ALTER COLUMN campaign_id SET NOT NULL", r"campaign_id, which events may lack: .* DROP NOT NULL"),
        ("ADD COLUMN tenant integer NOT NULL", r"tenant, which events don't have: .*\"tenant\" DROP NOT NULL"),
        (
            "DROP COLUMN user_id, ADD user_id text GENERATED ALWAYS AS (session_id) STORED",
            r"computes its column user_id",
        ),
    ],
)
def test_tables_of_another_shape(target: PostgresTarget, change: str, told: str) -> None:
    """The error names the column and what to do, and nothing was changed."""
    target.tell(_TEAMS, f"ALTER TABLE analytics_events {change}")
    with pytest.raises(Misconfigured, match=told):
        target.connect().setup()
    assert [] == target.ask(
        "SELECT FROM pg_tables WHERE tablename = 'analytics_events_mirror' AND schemaname = %(s)s", {"s": target.name}
    )


def test_what_is_no_table(target: PostgresTarget) -> None:
    """A view of that name isn't written to."""
    target.tell("CREATE VIEW analytics_events AS SELECT 1 AS one")
    with pytest.raises(Misconfigured, match="is a view: rename it"):
        target.connect().setup()


def test_rights_that_are_missing(target: PostgresTarget) -> None:
    """Each missing right is told with the GRANT that gives it; with all of them no ownership is needed."""
    role = f"{target.name}_r"
    target.tell(f"CREATE ROLE {role} LOGIN", f"ALTER ROLE {role} SET search_path = {target.name}")
    try:
        _grant_one_after_the_other(target, role)
    finally:
        target.tell(f"DROP OWNED BY {role} CASCADE", f"DROP ROLE {role}")


def _grant_one_after_the_other(target: PostgresTarget, role: str) -> None:
    def missing(told: str) -> None:
        with pytest.raises(Misconfigured, match=told):
            target.connect(user=role).setup()

    missing("search path, which names none")
    target.tell(f"GRANT USAGE ON SCHEMA {target.name} TO {role}")
    missing(f"GRANT CREATE ON SCHEMA {target.name} TO {role}")
    target.tell(_TEAMS, f"GRANT CREATE ON SCHEMA {target.name} TO {role}")
    missing(f"GRANT SELECT, INSERT, UPDATE, DELETE ON analytics_events TO {role}")
    target.tell(f"GRANT SELECT, INSERT, UPDATE, DELETE ON analytics_events TO {role}")
    missing("belongs to another role: let that one do ALTER TABLE .* ADD COLUMN event_id uuid; CREATE UNIQUE INDEX")
    target.tell("ALTER TABLE analytics_events ADD COLUMN event_id uuid UNIQUE")
    target.tell(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {target.name} TO {role}")
    mirror, log = target.connect(user=role), Written()
    mirror.setup()
    log.append([make_row(user_id="u")])
    _write(mirror, log)
    assert 1 == len(target.rows())


def test_events_that_a_teams_constraint_refuses(target: PostgresTarget) -> None:
    """They are found among the others, and told with the constraint's name and without a value."""
    target.tell(_TEAMS, "ALTER TABLE analytics_events ADD CONSTRAINT no_bob CHECK (user_id <> 'bob')")
    mirror, log, told = target.connect(), Written(), Told()
    mirror.setup()
    log.append([make_row(user_id=user) for user in ("ada", "ann", "bob", "cy", "bob")])
    (batch,) = log.batches(None)
    with pytest.raises(BatchRefused, match=r"check violation \(23514, constraint no_bob\)"):
        mirror.write(batch, nothing_refused)
    assert mirror.cursor() is None
    assert [] == target.rows()
    deliver(mirror, batch, told)
    assert [3, 5] == [event.seq for event in told.events]
    assert {"PostgreSQL refuses it: check violation (23514, constraint no_bob)"} == {
        event.reason for event in told.events
    }
    assert ["ada", "ann", "cy"] == _ids(target)
    assert batch.position == mirror.cursor()
