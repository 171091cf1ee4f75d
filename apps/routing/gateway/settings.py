"""What QuickFIX is told: sessions, where its numbers and messages are kept, and a dictionary that lets all in."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone
from lxml import etree

from ..models import Session
from ..rules.said_together import OWN
from .hours import boundary_of, is_gapless

PARAMETERS = {
    957: "NoStrategyParameters", 958: "StrategyParameterName", 959: "StrategyParameterType", 960: "StrategyParameterValue",
}  # fmt: skip
KEPT_TYPES = {"NUMINGROUP", "LENGTH", "DATA", "XMLDATA"}


class Dictionaries(NamedTuple):
    """Where a session's messages are described: of FIXT 1.1 those of the session and of the application apart."""

    session: Path
    application: Path | None = None

    def lines(self) -> list[str]:
        if self.application is None:
            return [f"DataDictionary={self.session}"]
        return [f"TransportDataDictionary={self.session}", f"AppDataDictionary={self.application}", "DefaultApplVerID=FIX.5.0SP2"]


def dictionary_of_quickfix(name: str) -> Path:
    for prefix in (sys.prefix, sys.base_prefix):
        path = Path(prefix) / "share" / "quickfix" / f"{name}.xml"
        if path.is_file():
            return path
    raise FileNotFoundError(f"{name}.xml is not installed beside quickfix; install the requirements again.")


def lenient_dictionaries(folder: Path, begin_string: str) -> Dictionaries:
    """
    Will write the dictionaries of a version with the groups they define but nothing required and every value allowed, so
    that a malformed message reaches us and is put before a person instead of being refused by the session and forgotten.

    FIX 4.2 has the words of 4.4: brokers that speak it take confirmations (35=AK), which came later, all the same.
    """
    if begin_string == Session.BeginString.FIXT11:
        return Dictionaries(_lenient(folder, "FIXT11"), _lenient(folder, "FIX50SP2"))
    return Dictionaries(_lenient(folder, "FIX44", minor=begin_string[-1]))


def _lenient(folder: Path, name: str, *, minor: str = "") -> Path:
    tree = etree.parse(str(dictionary_of_quickfix(name)), etree.XMLParser(resolve_entities=False, no_network=True))
    if minor:
        tree.getroot().set("minor", minor)
    for element in tree.iter("field", "component", "group"):
        if "required" in element.attrib:
            element.set("required", "N")
        if element.get("number") and element.get("type") not in KEPT_TYPES:
            element.set("type", "STRING")
            for value in element.findall("value"):
                element.remove(value)
    _with_own_tags(tree.getroot())
    if minor:
        _with_parameters(tree.getroot())
    path = folder / f"{name[:-1]}{minor}-lenient.xml" if minor else folder / f"{name}-lenient.xml"
    tree.write(str(path), encoding="UTF-8")
    return path


def _with_own_tags(root: etree._Element) -> None:
    """
    Will let user-defined tags stand in the orders of a list (35=E) and the legs of a package (AB, AC), as brokers' dialects want them
    there: at a tag that a group does not have QuickFIX takes the group to be over.
    """
    fields = root.find("fields")
    groups = root.xpath("components/component[@name='ListOrdGrp']/group[@name='NoOrders']")
    groups += root.xpath("components/component[@name='LegOrdGrp']/group[@name='NoLegs']")
    if fields is None or not groups:
        return
    known = {int(field.get("number")) for field in fields}
    for number in OWN:
        if number not in known:
            etree.SubElement(fields, "field", number=str(number), name=f"Own{number}", type="STRING")
            for group in groups:
                etree.SubElement(group, "field", name=f"Own{number}", required="N")


def _with_parameters(root: etree._Element) -> None:
    """
    Will add the group of strategy parameters (957), which FIX 5.0 has, to orders and their replaces: brokers' strategies go out in
    it over older versions too (FIXatdl, Parameters without a tag), and a group that QuickFIX does not know comes out disordered.
    """
    for message in root.iterfind("messages/message"):
        if message.get("msgtype") in ("D", "G"):
            group = etree.SubElement(message, "group", name="NoStrategyParameters", required="N")
            for number in (958, 959, 960):
                etree.SubElement(group, "field", name=PARAMETERS[number], required="N")
    fields = root.find("fields")
    for number, name in PARAMETERS.items():
        etree.SubElement(fields, "field", number=str(number), name=name, type="NUMINGROUP" if number == 957 else "STRING")


def settings_text(
    sessions: Iterable[Session], folder: Path, words: Mapping[str, Dictionaries], simulation_port: int | None
) -> str:
    """
    QuickFIX's configuration of sessions that we open, of one TLS name or none.

    :param words: the dictionaries of each BeginString
    :param simulation_port: where the simulated street answers, where it was moved
    """
    sessions = list(sessions)
    tries = max(1, min(session.reconnect_seconds for session in sessions))
    lines = [*_common("initiator", folder), f"ReconnectInterval={tries}", *tls_lines(sessions[0], "Client")]
    for session in sessions:
        is_street = session.environment == Session.Environment.SIMULATION and session.purpose == Session.Purpose.ROUTING
        port = simulation_port if is_street and simulation_port else session.port
        lines += [
            *_named(session, words), f"HeartBtInt={session.heartbeat_seconds}", f"SocketConnectHost={session.host}",
            f"SocketConnectPort={port}",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def listening_text(sessions: Iterable[Session], folder: Path, words: Mapping[str, Dictionaries]) -> str:
    """The same of sessions that upstream systems open with us. Who dials in under a name that is not kept is cut off."""
    sessions = list(sessions)
    lines = [*_common("acceptor", folder), "SocketReuseAddress=Y", *tls_lines(sessions[0], "Server")]
    for session in sessions:
        lines += [*_named(session, words), f"SocketAcceptPort={session.port}"]
    return "\n".join(lines) + "\n"


def _common(kind: str, folder: Path) -> list[str]:
    return [
        "[DEFAULT]",
        f"ConnectionType={kind}",
        "LogonTimeout=10",
        "LogoutTimeout=2",
        "SocketNodelay=Y",
        f"FileStorePath={folder / 'store'}",
        "ResetOnLogout=N",
        "ResetOnDisconnect=N",
        "CheckLatency=N",
        "UseDataDictionary=Y",
        "ValidateFieldsOutOfOrder=N",
        "ValidateFieldsHaveValues=N",
        "ValidateUserDefinedFields=N",
        "ValidateUnorderedGroupFields=N",
        "AllowUnknownMsgFields=Y",
    ]


TLS_FILES = ("certificate", "key", "ca")


def tls_files(session: Session) -> dict[str, Path]:
    return {name: Path(settings.FIX_TLS_FOLDER) / session.tls_name / f"{name}.pem" for name in TLS_FILES}


def tls_lines(session: Session, side: str) -> list[str]:
    """:param side: Client or Server. The other side's certificate must be of the CA's, or there is no session."""
    if not session.uses_tls:
        return []
    files = tls_files(session)
    return [
        f"{side}CertificateFile={files['certificate']}", f"{side}CertificateKeyFile={files['key']}",
        f"CertificationAuthoritiesFile={files['ca']}", "CertificateVerifyLevel=2", "SSLProtocol=+TLSv1_2",
    ]  # fmt: skip


def _hours(session: Session) -> list[str]:
    """QuickFIX's own week, or day, which begins where the session is closed, or its numbers begin anew."""
    now = timezone.now()
    at = boundary_of(session.schedule, now)
    if session.days and is_gapless(session.schedule, now):
        return [f"StartTime={at:%H:%M:%S}", f"EndTime={at:%H:%M:%S}"]
    day, hour = f"{at:%A}".lower(), f"{at:%H:%M:%S}"
    return [f"StartDay={day}", f"StartTime={hour}", f"EndDay={day}", f"EndTime={hour}"]


def _named(session: Session, words: Mapping[str, Dictionaries]) -> list[str]:
    return [
        "[SESSION]",
        f"BeginString={session.begin_string}",
        f"SenderCompID={session.sender_comp_id}",
        f"TargetCompID={session.target_comp_id}",
        *words[session.begin_string].lines(),
        *_hours(session),
        f"ResetOnLogon={'Y' if session.resets_on_logon else 'N'}",
    ]
