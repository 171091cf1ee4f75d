"""Strategies of brokers' own: the files on file, and what is offered."""

from collections.abc import Iterable

from django.db.models import QuerySet

from apps.core.refusals import NotFound

from .models import BrokerStrategy, StrategyFile
from .states import Sf


def strategy_files() -> QuerySet[StrategyFile]:
    """All that were loaded, the newest first, with their strategies and who decided."""
    people = ("broker", "loaded_by", "approved_by", "ended_by")
    return StrategyFile.objects.select_related(*people).prefetch_related("strategies").defer("content").order_by("-pk")


def get_strategy_file(file_id: int) -> StrategyFile:
    """:raises NotFound: where there is none"""
    row = strategy_files().filter(pk=file_id).first()
    if row is None:
        raise NotFound("There is no such file of strategies.")
    return row


def offered(brokers: Iterable[str] | None = None) -> QuerySet[BrokerStrategy]:
    """Strategies in force with their broker; of these brokers by code alone where they are said."""
    rows = BrokerStrategy.objects.filter(is_offered=True).select_related("broker", "file")
    return rows if brokers is None else rows.filter(broker__code__in=brokers)


def get_strategy(strategy_id: int) -> BrokerStrategy:
    """One whose file is in force or waits to be approved. :raises NotFound: where there is none"""
    rows = BrokerStrategy.objects.select_related("broker", "file__loaded_by")
    row = rows.filter(pk=strategy_id, file__status__in=(Sf.LOADED, Sf.IN_FORCE)).first()
    if row is None:
        raise NotFound("There is no such strategy, or its file is out of force.")
    return row
