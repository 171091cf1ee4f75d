"""What QuickFIX is told: sessions, where its numbers and messages are kept, and a dictionary that lets all in."""

import sys
from collections.abc import Iterable
from pathlib import Path

from lxml import etree

from ..models import Session

KEPT_TYPES = {"NUMINGROUP", "LENGTH", "DATA", "XMLDATA"}


def dictionary_of_quickfix() -> Path:
    for prefix in (sys.prefix, sys.base_prefix):
        path = Path(prefix) / "share" / "quickfix" / "FIX44.xml"
        if path.is_file():
            return path
    raise FileNotFoundError("FIX44.xml is not installed beside quickfix; install the requirements again.")


def lenient_dictionary(folder: Path) -> Path:
    """
    Will write FIX 4.4's dictionary with the groups it defines but nothing required and every value allowed, so that a
    malformed message reaches us and is put before a person instead of being refused by the session and forgotten.
    """
    tree = etree.parse(str(dictionary_of_quickfix()), etree.XMLParser(resolve_entities=False, no_network=True))
    for element in tree.iter("field", "component", "group"):
        if "required" in element.attrib:
            element.set("required", "N")
        if element.get("number") and element.get("type") not in KEPT_TYPES:
            element.set("type", "STRING")
            for value in element.findall("value"):
                element.remove(value)
    path = folder / "FIX44-lenient.xml"
    tree.write(str(path), encoding="UTF-8")
    return path


def settings_text(sessions: Iterable[Session], folder: Path, dictionary: Path, simulation_port: int | None) -> str:
    """
    QuickFIX's configuration of sessions that we open. Sessions last from Sunday to Sunday, UTC, and are never reset by a
    logon.

    :param simulation_port: where the simulated street answers, where it was moved
    """
    lines = [*_common("initiator", folder, dictionary), "ReconnectInterval=1", "HeartBtInt=10"]
    for session in sessions:
        is_street = session.environment == Session.Environment.SIMULATION and session.purpose == Session.Purpose.ROUTING
        port = simulation_port if is_street and simulation_port else session.port
        lines += [*_named(session), f"SocketConnectHost={session.host}", f"SocketConnectPort={port}"]
    return "\n".join(lines) + "\n"


def listening_text(sessions: Iterable[Session], folder: Path, dictionary: Path) -> str:
    """The same of sessions that upstream systems open with us. Who dials in under a name that is not kept is cut off."""
    lines = [*_common("acceptor", folder, dictionary), "SocketReuseAddress=Y"]
    for session in sessions:
        lines += [*_named(session), f"SocketAcceptPort={session.port}"]
    return "\n".join(lines) + "\n"


def _common(kind: str, folder: Path, dictionary: Path) -> list[str]:
    return [
        "[DEFAULT]",
        f"ConnectionType={kind}",
        "LogonTimeout=10",
        "LogoutTimeout=2",
        "SocketNodelay=Y",
        f"FileStorePath={folder / 'store'}",
        "StartDay=sunday",
        "StartTime=00:00:00",
        "EndDay=sunday",
        "EndTime=00:00:00",
        "ResetOnLogon=N",
        "ResetOnLogout=N",
        "ResetOnDisconnect=N",
        "CheckLatency=N",
        "UseDataDictionary=Y",
        f"DataDictionary={dictionary}",
        "ValidateFieldsOutOfOrder=N",
        "ValidateFieldsHaveValues=N",
        "ValidateUserDefinedFields=N",
        "ValidateUnorderedGroupFields=N",
        "AllowUnknownMsgFields=Y",
    ]


def _named(session: Session) -> list[str]:
    return [
        "[SESSION]",
        f"BeginString={session.begin_string}",
        f"SenderCompID={session.sender_comp_id}",
        f"TargetCompID={session.target_comp_id}",
    ]
