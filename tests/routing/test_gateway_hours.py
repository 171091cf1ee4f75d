"""Sessions with hours and TLS: opened and closed by their schedules, and never with whom they cannot verify."""

import threading
from concurrent.futures import Future
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
import quickfix as fix
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.routing.gateway import keeper
from apps.routing.gateway.application import Said
from apps.routing.gateway.hours import boundary_of, is_gapless
from apps.routing.gateway.keeper import Keeper
from apps.routing.models import Session
from apps.routing.rules import Schedule
from tests.routing.test_gateway import GatewayProcess, wait_until
from tests.street.conftest import free_port

LONDON = Schedule(time(7), time(17, 30), "Europe/London", "01234", None, None)
ALWAYS = Schedule(time(0), time(0), "UTC", "", 6, 6)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Engine:
    """QuickFIX's session, as far as its hours go."""

    def __init__(self):
        self.is_on, self.done = True, []

    def isEnabled(self):
        return self.is_on

    def logon(self):
        self.is_on = True
        self.done.append("logon")

    def logout(self, why):
        self.is_on = False
        self.done.append("logout")

    def reset(self):
        self.done.append("reset")

    def isLoggedOn(self):
        return self.is_on

    def getExpectedSenderNum(self):
        return 1

    def getExpectedTargetNum(self):
        return 1


class Inbox:
    """Keeps at once."""

    def do(self, do, *what):
        do(*what)

    def ask(self, do, *what) -> Future:
        self.do(do, *what)
        done = Future()
        done.set_result(None)
        return done


class TestHours:
    @pytest.fixture
    def kept(self, counterparties, by, monkeypatch):
        engine = Engine()
        monkeypatch.setattr(keeper.fix.Session, "lookupSession", staticmethod(lambda _: engine))
        row = Session.objects.order_by("pk").first()
        application = SimpleNamespace(
            sessions={row.pk: None}, said={row.pk: Said()}, gaps=SimpleQueue(), renumbered=lambda pk: None,
            inbox=Inbox(),
        )  # fmt: skip

        def make(schedule: Schedule) -> tuple[Keeper, Session]:
            row.opens_at, row.closes_at, row.time_zone, row.days, row.open_day, row.close_day = schedule
            row.save()
            return Keeper(threading.Event(), application, {row.pk: row}, lambda: by("gateway")), row

        return make, engine

    def test_it_closes_at_the_end_and_opens_with_new_numbers(self, kept):
        make, engine = kept
        keeper, row = make(LONDON)

        for when in ("2026-11-30 12:00", "2026-11-30 17:29:59", "2026-11-30 17:30", "2026-11-30 20:00", "2026-12-01 07:00",
                     "2026-12-01 07:01"):  # fmt: skip
            keeper.once(at(when))

        assert engine.done == ["logout", "reset", "logon"]
        assert Session.objects.get(pk=row.pk).opened_at == at("2026-12-01 07:00")

    def test_what_began_while_the_gateway_was_away_has_new_numbers(self, kept):
        make, engine = kept
        keeper, row = make(LONDON)
        row.opened_at = at("2026-11-27 07:00")

        keeper.once(at("2026-11-30 12:00"))

        assert engine.done == ["reset"]

    def test_a_session_that_never_closes_is_left_to_its_engine(self, kept):
        make, engine = kept
        keeper, _ = make(ALWAYS)

        keeper.once(at("2026-11-28 23:59:59"))
        keeper.once(at("2026-11-29 00:00"))

        assert engine.done == []

    @pytest.mark.parametrize(
        ("schedule", "boundary", "gapless"),
        [
            (LONDON, "2026-11-30 17:30", False), (ALWAYS, "2026-12-06 00:00", True),
            (ALWAYS._replace(open_day=None, close_day=None, days="0123456"), "2026-12-01 00:00", True),
            (LONDON._replace(days="1"), "2026-11-30 12:00", False),
        ],
    )  # fmt: skip
    def test_the_engines_own_week_begins_where_it_is_closed(self, schedule, boundary, gapless):
        now = at("2026-11-30 12:00")

        assert (boundary_of(schedule, now), is_gapless(schedule, now)) == (at(boundary), gapless)


class TestKept:
    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"days": "01234"}, "a_session_opens_by_day_or_by_week"), ({"open_day": None}, "a_session_opens_by_day_or_by_week"),
            ({"open_day": None, "close_day": None, "days": "10"}, "a_session_opens_by_day_or_by_week"),
            ({"heartbeat_seconds": 4}, "a_session_beats_and_tries_in_time"),
            ({"reconnect_seconds": 0}, "a_session_beats_and_tries_in_time"),
            ({"uses_tls": True}, "tls_names_its_certificates"),
        ],
    )  # fmt: skip
    def test_the_database_says_what_can_be(self, counterparties, changes, why):
        with pytest.raises(IntegrityError, match=why), transaction.atomic():
            Session.objects.update(**changes)

    def test_operations_set_them_over_the_api_and_are_refused_beside_the_field(self, counterparties, olga):
        client, session = Client(), Session.objects.order_by("pk").first()
        client.force_login(olga)
        url = reverse("api-fix-session", args=[session.pk])
        daily = {"version": 1, "days": "01234", "open_day": None, "close_day": None, "opens_at": "07:00", "closes_at": "17:30"}

        wrong = client.patch(url, daily | {"time_zone": "London"}, "application/json")
        assert (wrong.status_code, wrong.json()["facts"]["field"]) == (422, "time_zone")
        wrong = client.patch(url, {"version": 1, "uses_tls": True}, "application/json")
        assert (wrong.status_code, wrong.json()["facts"]["field"]) == (422, "tls_name")
        answer = client.patch(url, daily | {"time_zone": "Europe/London", "heartbeat_seconds": 30}, "application/json")

        assert (answer.status_code, answer.json()["hours"]) == (200, "Mon Tue Wed Thu Fri 07:00 to 17:30 Europe/London")
        assert "07:00 to 17:30 Europe/London" in client.get(reverse("routing:sessions")).content.decode()


# --- over TCP ---------------------------------------------------------------------------------------------------------


def a_certificate(folder: Path, name: str, issuer=None):
    """Writes NAME.pem and NAME.key; of an issuer (certificate, key), or its own."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer[0].subject if issuer else subject
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(signer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2)).add_extension(x509.BasicConstraints(issuer is None, None), True)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )  # fmt: skip
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    )
    return made, key


class Counterparty(fix.Application):
    def onCreate(self, session): ...
    def onLogon(self, session): ...
    def onLogout(self, session): ...
    def toAdmin(self, message, session):
        if message.getHeader().getField(35) == "A":
            message.setField(464, "Y")

    def fromAdmin(self, message, session): ...
    def toApp(self, message, session): ...
    def fromApp(self, message, session): ...


@pytest.fixture
def secured(tmp_path, monkeypatch):
    """A counterparty on a port of its own that speaks TLS and wants a certificate of its CA's; and our files."""
    authority = a_certificate(tmp_path, "ca")
    a_certificate(tmp_path, "theirs", authority)
    a_certificate(tmp_path, "ours", authority)
    a_certificate(tmp_path, "other-ca")
    folder = tmp_path / "tls" / "harbor"
    folder.mkdir(parents=True)
    for name, source in (("certificate", "ours.pem"), ("key", "ours.key"), ("ca", "ca.pem")):
        (folder / f"{name}.pem").write_bytes((tmp_path / source).read_bytes())
    monkeypatch.setenv("FIX_TLS_FOLDER", str(tmp_path / "tls"))
    port = free_port()
    config = tmp_path / "acceptor.cfg"
    config.write_text(
        "[DEFAULT]\nConnectionType=acceptor\nStartTime=00:00:00\nEndTime=00:00:00\nUseDataDictionary=N\n"
        f"SocketAcceptPort={port}\nFileStorePath={tmp_path / 'acceptor'}\nServerCertificateFile={tmp_path / 'theirs.pem'}\n"
        f"ServerCertificateKeyFile={tmp_path / 'theirs.key'}\nCertificationAuthoritiesFile={tmp_path / 'ca.pem'}\n"
        "CertificateVerifyLevel=2\n[SESSION]\nBeginString=FIX.4.4\nSenderCompID=HARBOR\nTargetCompID=OMS-SIM\n"
    )
    conf, application = fix.SessionSettings(str(config)), Counterparty()
    store = fix.FileStoreFactory(conf)
    acceptor = fix.SSLSocketAcceptor(application, store, conf)
    acceptor.start()
    yield SimpleNamespace(port=port, folder=folder, files=tmp_path)
    acceptor.stop()


@pytest.fixture
def harbor(counterparties, secured):
    Session.objects.exclude(target_comp_id="HARBOR").update(is_enabled=False)
    Session.objects.update(uses_tls=True, tls_name="harbor", heartbeat_seconds=5)
    return lambda: Session.objects.get(target_comp_id="HARBOR").is_up


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(240)
class TestOverTls:
    def test_the_session_comes_up_and_closes_at_its_hour(self, harbor, secured, tmp_path):
        closes = (timezone.now() + timedelta(seconds=45)).replace(microsecond=0)
        opens = closes - timedelta(hours=20)
        Session.objects.update(
            open_day=None, close_day=None, days="0123456", opens_at=opens.time(), closes_at=closes.time(), time_zone="UTC"
        )
        gateway = GatewayProcess(tmp_path / "fix", secured.port).start()
        try:
            wait_until("up over TLS", harbor, 60)
            wait_until("closed at its hour", lambda: not harbor(), 90)
            assert timezone.now() >= closes
            assert gateway.process.poll() is None
        finally:
            gateway.kill()

    def test_not_with_whom_it_cannot_verify(self, harbor, secured, tmp_path):
        (secured.folder / "ca.pem").write_bytes((secured.files / "other-ca.pem").read_bytes())
        gateway = GatewayProcess(tmp_path / "fix", secured.port).start()
        try:
            wait_until("started", lambda: Session.objects.exclude(opened_at=None).exists(), 60)
            with pytest.raises(AssertionError):
                wait_until("up", harbor, 5)
            assert gateway.process.poll() is None
        finally:
            gateway.kill()

    def test_not_without_its_files(self, harbor, secured, tmp_path):
        import subprocess

        (secured.folder / "key.pem").unlink()
        gateway = GatewayProcess(tmp_path / "fix", secured.port).start(stderr=subprocess.PIPE, text=True)
        _, said = gateway.process.communicate(timeout=90)

        assert gateway.process.returncode == 1
        assert "uses TLS, and there is no" in said and "key.pem" in said
