"""
Strategies of brokers' own: their files loaded by one person and approved by another, forms filled against a block's order, and
blocks routed with what was filled.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db import transaction

from apps.audit.services import record
from apps.blocks.models import Block
from apps.blocks.selectors import blocks_seen_by
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Stale
from apps.reference.models import AssetClass, Broker
from apps.users.services import require

from .. import rules
from .. import strategy_events as events
from ..models import BrokerStrategy, StrategyFile
from ..rules import atdl
from ..states import STRATEGY_FILE_LIFE, Sf
from .locks import refuse_stale, terms_of
from .routes import Routed, route_with_fields

SECURITY_TYPES = {
    AssetClass.EQUITY: "CS", AssetClass.ETF: "CS", AssetClass.CORP: "CORP", AssetClass.OPTION: "OPT", AssetClass.FUTURE: "FUT",
    AssetClass.FUND: "MF",
}  # fmt: skip


DECLARED = re.compile(r"\s*<\?xml[^>]*\sencoding=[\"']([\w.-]+)[\"']")


class BadFile(Invalid):
    """A file of strategies that cannot be taken; ``faults`` has each with its line."""


class StaleStrategyFile(Stale):
    """The file changed after the person looked at it."""


class OwnFile(NotAllowed):
    """Nobody approves what they loaded."""


class LoadedAlready(Conflict):
    """The same file of the broker waits, or is in force."""


class OfferedAlready(Conflict):
    """Another file of the broker offers a strategy of this name."""


class NotOffered(Conflict):
    """The strategy is not, or no longer, offered; or not for this block."""


class BadControls(Invalid):
    """What was filled in cannot be sent; ``problems`` has what is wrong by control."""


@transaction.atomic
def load_strategies(act: Act, broker_code: str, name: str, content: bytes) -> int:
    """
    Will keep a broker's file of strategies. They are offered once another person approves it.

    :param content: the XML, as it came
    :returns: the file's id
    :raises BadFile: where it cannot be read, naming every fault with its line; :raises NotFound: for no broker
    :raises LoadedAlready: where it is loaded already
    """
    require(act, "routing.keep_strategies")
    broker = Broker.objects.select_for_update(no_key=True).filter(code=broker_code.strip(), is_active=True, kind=Broker.Kind.BROKER).first()
    if broker is None:
        raise NotFound(f"There is no broker “{broker_code}”.", field="broker")
    try:
        read = atdl.read_strategies(content)
        text = content.decode("utf-8-sig")
    except atdl.BadStrategyFile as bad:
        faults = [{"line": fault.line, "text": fault.text} for fault in bad.faults]
        raise BadFile(f"{name} was not taken: {bad}", field="file", faults=faults) from None
    except UnicodeDecodeError:
        raise _not_utf8(name) from None
    declared = DECLARED.match(text)
    if declared and declared[1].lower() not in ("utf-8", "us-ascii", "ascii"):
        raise _not_utf8(name)
    digest = hashlib.sha256(content).hexdigest()
    if StrategyFile.objects.filter(broker=broker, sha256=digest, status__in=(Sf.LOADED, Sf.IN_FORCE)).exists():
        raise LoadedAlready(f"{broker.name}'s file is loaded already, byte for byte.", field="file")
    row = StrategyFile.objects.create(
        broker=broker, name=name[:120] or "strategies.xml", content=text, sha256=digest, loaded_by_id=act.by, loaded_at=act.at
    )
    BrokerStrategy.objects.bulk_create(
        BrokerStrategy(file=row, broker=broker, name=one.name, label=one.label[:256]) for one in read.strategies.values()
    )
    told = events.StrategyFileLoaded(broker.pk, row.name, digest, ",".join(read.strategies))
    record(act, [Fact(row.pk, 1, told)])
    return row.pk


def _not_utf8(name: str) -> BadFile:
    fault = {"line": 1, "text": "It is not UTF-8."}
    return BadFile(f"{name} was not taken: save it as UTF-8, and say so in its first line.", field="file", faults=[fault])


@transaction.atomic
def approve_strategies(act: Act, file_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will offer a file's strategies from now on. A file of the broker all of whose strategies it has too ends with that.

    :raises OwnFile: for who loaded it; :raises OfferedAlready: where another file keeps a strategy of a name that this one has
    :raises StaleStrategyFile, IllegalMove, NotFound:
    """
    require(act, "routing.keep_strategies")
    row = _lock(file_id, seen)
    STRATEGY_FILE_LIFE.after(row.status, events.StrategyFileApproved)
    if act.by == row.loaded_by_id:
        raise OwnFile("You loaded this file, so another person approves it.", file=row.pk)
    mine = set(row.strategies.values_list("name", flat=True))
    for other in StrategyFile.objects.filter(broker=row.broker, status=Sf.IN_FORCE).order_by("pk"):
        theirs = set(other.strategies.values_list("name", flat=True))
        if theirs <= mine:
            _end(act, other, why=f"{row.name} took its place.")
        elif both := sorted(theirs & mine):
            left = ", ".join(sorted(theirs - mine))
            raise OfferedAlready(f"{other.name} offers {', '.join(both)} too, and {left} besides: end that file first.", file=other.pk)
    row.approved_by_id, row.approved_at = act.by, act.at
    _happen(act, row, events.StrategyFileApproved())
    row.strategies.update(is_offered=True)


@transaction.atomic
def decline_strategies(act: Act, file_id: int, *, seen: Mapping[int, int]) -> None:
    """Will put a loaded file away; who loaded it may take it back so. :raises StaleStrategyFile, IllegalMove, NotFound:"""
    require(act, "routing.keep_strategies")
    row = _lock(file_id, seen)
    row.ended_by_id, row.ended_at = act.by, act.at
    _happen(act, row, events.StrategyFileDeclined())


@transaction.atomic
def end_strategies(act: Act, file_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will offer a file's strategies no more, for the reason the act gives; orders at work with them go on. One person is enough.

    :raises Invalid: without a reason; :raises StaleStrategyFile, IllegalMove, NotFound:
    """
    require(act, "routing.keep_strategies")
    row = _lock(file_id, seen)
    if not act.reason.strip():
        raise Invalid("Say why they are offered no more; the reason is kept.", field="reason")
    _end(act, row)


def _end(act: Act, row: StrategyFile, why: str = "") -> None:
    row.ended_by_id, row.ended_at = act.by, act.at
    _happen(act, row, events.StrategyFileEnded(why=why))
    row.strategies.update(is_offered=False)


def _happen(act: Act, row: StrategyFile, event: Event) -> None:
    """The only door to a file's status after it was loaded."""
    row.status = STRATEGY_FILE_LIFE.after(row.status, type(event))
    row.version += 1
    row.save(update_fields=["status", "version", "approved_by", "approved_at", "ended_by", "ended_at"])
    record(act, [Fact(row.pk, row.version, event)])


def _lock(file_id: int, seen: Mapping[int, int]) -> StrategyFile:
    """The file after its broker, of whose files one person at a time decides."""
    broker_id = StrategyFile.objects.filter(pk=file_id).values_list("broker_id", flat=True).first()
    if broker_id is None:
        raise NotFound("There is no such file of strategies.")
    Broker.objects.select_for_update(no_key=True).get(pk=broker_id)
    row = StrategyFile.objects.select_for_update(of=("self",), no_key=True).select_related("broker").get(pk=file_id)
    refuse_stale(StaleStrategyFile, {row.pk: row}, seen, "strategy_file")
    return row


# --- filled ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _read(content: str) -> atdl.StrategyFile:
    return atdl.read_strategies(content.encode())


def described(row: BrokerStrategy) -> tuple[atdl.StrategyFile, atdl.Strategy]:
    """A strategy as its file describes it."""
    file = _read(row.file.content)
    return file, file.strategies[row.name]


def market_of(block: Block) -> atdl.Market:
    i = block.instrument
    return atdl.Market(i.country, i.venue.mic, SECURITY_TYPES.get(i.asset_class, ""))


def fill(row: BrokerStrategy, block: Block, said: Mapping[str, str] | None, at: datetime, qty: Decimal | None = None) -> atdl.Ticket:
    """
    The form of a strategy against a block's order; changes nothing.

    :param said: control to what was typed; None for a form that was just opened
    """
    file, strategy = described(row)
    order = rules.orders.new_order("-", terms_of(block), qty or block.unplaced_qty, block.limit_price, (), "", at)
    return atdl.filled(file, strategy, said, rules.orders.standard_of(order), market_of(block), at, block.instrument.venue.timezone)


@transaction.atomic
def route_by_strategy(
    act: Act, block_ids: Sequence[int], strategy_id: int, said: Mapping[str, str], *, seen: Mapping[int, int],
    qty: Decimal | None = None, out_of_turn: bool = False,
) -> Routed:  # fmt: skip
    """
    Will place what is unplaced of the blocks with a strategy of a broker's own, as its form was filled, with the trader's reason.

    :param said: control to what was typed
    :raises NotOffered: where the strategy is not offered, or not for a block
    :raises BadControls: where what was filled cannot be sent, with what is wrong by control
    :raises StaleBlock, …: as ``route_blocks``
    """
    user = require(act, "routing.route")
    row = BrokerStrategy.objects.select_related("file", "broker").filter(pk=strategy_id).first()
    if row is None:
        raise NotFound("There is no such strategy.", field="broker_strategy")
    # No end of the file comes between this and the route: it takes the broker's row first.
    Broker.objects.select_for_update(no_key=True).get(pk=row.broker_id)
    if not BrokerStrategy.objects.filter(pk=row.pk, is_offered=True).exists():
        raise NotOffered(f"{row.broker.name} does not offer {row.label} any more. Choose another strategy.", field="broker_strategy")
    fields: list[tuple[int, str]] = []
    for block in blocks_seen_by(user).filter(pk__in=block_ids).select_related("instrument__venue", "instrument__underlying"):
        fields = _sendable(row, block, said, act.at, qty)
    params = {"broker_strategy": row.pk, "said": dict(said), rules.orders.OWN_FIELDS: fields}
    return route_with_fields(
        act, block_ids, seen=seen, broker_code=row.broker.code, strategy=row.label[:60], params=params, qty=qty, out_of_turn=out_of_turn
    )


def _sendable(row: BrokerStrategy, block: Block, said: Mapping[str, str], at: datetime, qty: Decimal | None) -> list[tuple[int, str]]:
    _, strategy = described(row)
    if why := atdl.why_not(strategy, market_of(block)):
        raise NotOffered(f"{row.label} is not for {block.ref}. {why}", field="broker_strategy")
    if not rules.orders.is_worked_by_strategy(block.order_type, block.tif, block.terms):
        raise NotOffered(f"{block.ref} says itself when and how it trades, so no strategy works it.", field="broker_strategy")
    ticket = fill(row, block, said, at, qty)
    if ticket.problems:
        problems: dict[str, list[Any]] = {}
        for control, text in ticket.problems:
            problems.setdefault(control, []).append(text)
        first, text = ticket.problems[0]
        name = strategy_label(strategy, first)
        raise BadControls(f"{name}: {text}" if name else text, field=first or "controls", problems=problems)
    return ticket.fields


def strategy_label(strategy: atdl.Strategy, control: str) -> str:
    """How a control is called on the form."""
    return next((c.label or c.id for c in strategy.controls if c.id == control), "")
