"""Seals: any change, removal or insertion by the database's owner is found (faults R12)."""

import io
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from apps.audit import seals, services
from apps.core.events import Fact

from .test_record import BellRung

APPEND_ONLY = ("audit_act", "audit_entry", "audit_seal")


@contextmanager
def as_owner():
    """The database's owner switches the triggers off: nothing can stop that, so the seals must tell."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in APPEND_ONLY:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield cursor
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in APPEND_ONLY:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


@pytest.fixture
def sealed(by, people, settings, tmp_path, monkeypatch):
    """Twelve entries under three seals, one not yet sealed."""
    settings.OMS_HOME = tmp_path
    monkeypatch.setattr(services, "flow", dict)
    for batch in range(3):
        with transaction.atomic():
            services.record(by("worker"), [Fact(batch * 4 + n, 1, BellRung(f"tone {n}")) for n in range(4)])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(transaction, "on_commit", lambda run, **_: run())
            seals.make_seal()
    with transaction.atomic():
        services.record(by("worker"), [Fact(99, 1, BellRung())])


def ids() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM audit_entry ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


def test_finds_nothing_in_a_whole_record(sealed, capsys):
    verdict = seals.verify()
    assert (verdict.faults, verdict.entries, verdict.seals, verdict.unsealed) == ([], 13, 3, 1)
    call_command("audit_verify")
    assert "13 entries under 3 seals" in capsys.readouterr().out


@pytest.mark.record_tampered
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ('UPDATE audit_entry SET payload = \'{{"tone": "b"}}\' WHERE id = {first}', "was changed"),
        ("UPDATE audit_entry SET nth = 1, subject_id = 77 WHERE id = {first}", "was changed"),
        ("UPDATE audit_act SET reason = 'because' WHERE id = (SELECT min(id) FROM audit_act)", "was changed"),
        (
            "UPDATE audit_act SET at = at + interval '1 microsecond' WHERE id = (SELECT min(id) FROM audit_act)",
            "changed",
        ),
        ("DELETE FROM audit_entry WHERE id = {first}", "was removed"),
        (
            "UPDATE audit_entry SET id = CASE id WHEN {first} THEN -1 ELSE {first} END WHERE id IN ({first}, {second});"
            "UPDATE audit_entry SET id = {second} WHERE id = -1",
            "was changed",
        ),
        ("DELETE FROM audit_seal WHERE id = (SELECT max(id) FROM audit_seal)", "cut off"),
        (
            "UPDATE audit_seal SET root = repeat('a', 64) WHERE id = (SELECT max(id) FROM audit_seal)",
            "not signed by this firm's key",
        ),
    ],
)
def test_finds_what_the_owner_did(sealed, statement, says):
    first, second = ids()[:2]
    with as_owner() as cursor:
        for part in statement.format(first=first, second=second).replace("'{{", "'{").split(";"):
            cursor.execute(part)
    assert any(says in fault for fault in seals.verify().faults)
    with pytest.raises(CommandError, match="NOT whole"):
        call_command("audit_verify", stderr=io.StringIO())


@pytest.mark.record_tampered
def test_finds_an_insertion_below_the_last_seal(sealed):
    low = ids()[0]
    with as_owner() as cursor:
        cursor.execute(
            "INSERT INTO audit_entry (id, act_id, event, subject, subject_id, nth, payload)"
            " SELECT %s, act_id, event, subject, 555, 1, payload FROM audit_entry WHERE id = %s",
            [low - 1, low],
        )
    assert seals.verify().faults == [f"entry {low - 1} was inserted after its place was sealed"]


@pytest.mark.record_tampered
def test_finds_a_whole_tail_cut_off_by_the_exported_checkpoint(sealed):
    tail = ids()[8:]
    with as_owner() as cursor:
        cursor.execute("DELETE FROM audit_seal WHERE id = (SELECT max(id) FROM audit_seal)")
        cursor.execute("DELETE FROM audit_entry WHERE id = ANY(%s)", [tail])
    assert any("the tail was cut off" in fault for fault in seals.verify().faults)


@pytest.mark.record_tampered
def test_finds_an_unsealed_entry_missing_from_a_life(sealed, by):
    with transaction.atomic():
        services.record(by("worker"), [Fact(99, 2, BellRung()), Fact(99, 3, BellRung())])
    with as_owner() as cursor:
        cursor.execute("DELETE FROM audit_entry WHERE subject_id = 99 AND nth = 2")
    assert seals.verify().faults == ["bell 99 has 2 entries but counts to 3"]


def test_seals_an_entry_that_committed_late(sealed, by):
    """Ids are drawn before commit: one below the last seal may yet appear."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('audit_entry', 'id'))")
        drawn = cursor.fetchone()[0]
    with transaction.atomic():
        services.record(by("worker"), [Fact(100, 1, BellRung())])
    seals.make_seal()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_entry (id, act_id, event, subject, subject_id, nth, payload)"
            " SELECT %s, max(act_id), 'bell.rung', 'bell', 101, 1, '{}' FROM audit_entry",
            [drawn],
        )
    late = seals.make_seal()
    assert (late.count, seals.verify().faults) == (1, [])
