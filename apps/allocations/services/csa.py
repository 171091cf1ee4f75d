"""Soft dollars: what commissions put by for research, broker by broker, and what is paid out of it."""

from collections.abc import Sequence
from decimal import Decimal

from django.db import transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.orders import selectors as orders
from apps.users.services import require

from .. import events
from ..models import CsaAccount, CsaEntry

Kind = CsaEntry.Kind


class StaleCsa(Stale):
    """The account has other entries than the person saw."""


class CsaTooLow(Conflict):
    """More would be taken than there is."""


class InvoicePaid(Conflict):
    """The provider's invoice was paid out of this account already."""


def credit_charges(act: Act, charges: Sequence[tuple[int, int, str, Decimal]]) -> None:
    """
    Will credit each broker's account with the research part of the commission it is paid, in the transaction that books it.

    :param charges: id of the charge, broker, currency and research part of each
    """
    _write(act, [(broker, currency, pk, Kind.CREDIT, amount) for pk, broker, currency, amount in charges if amount])


def take_back_charges(act: Act, charge_ids: Sequence[int]) -> None:
    """Will take back what charges credited, and from whom, whatever is left of it: their bookings are no more."""
    rows = CsaEntry.objects.filter(charge__in=list(charge_ids), kind=Kind.CREDIT).order_by("charge", "pk")
    found = rows.values_list("account__broker_id", "account__currency_id", "charge_id", "amount")
    _write(act, [(broker, currency, pk, Kind.TAKEN_BACK, -amount) for broker, currency, pk, amount in found])


def _write(act: Act, lines: Sequence[tuple[int, str, int, str, Decimal]]) -> None:
    """:param lines: broker, currency, charge, kind and signed amount of each; accounts are locked by their keys"""
    if not lines:
        return
    keys = sorted({(broker, currency) for broker, currency, *_ in lines})
    CsaAccount.objects.bulk_create([CsaAccount(broker_id=b, currency_id=c) for b, c in keys], ignore_conflicts=True)
    rows = CsaAccount.objects.select_for_update(no_key=True).filter(broker__in=[b for b, _ in keys]).order_by("pk")
    accounts = {(row.broker_id, row.currency_id): row for row in rows}
    entries, told = [], []
    for broker, currency, charge, kind, amount in lines:
        account = accounts[broker, currency]
        entries.append(_entry(act, account, kind, amount, charge_id=charge))
        event = events.CsaCredited if kind == Kind.CREDIT else events.CsaTakenBack
        told.append(Fact(account.pk, account.version, event(charge, f"{amount:f}", f"{account.balance_amount:f}")))
    CsaEntry.objects.bulk_create(entries)
    CsaAccount.objects.bulk_update([accounts[key] for key in keys], ["balance_amount", "version"])
    record(act, told)


@transaction.atomic
def pay_research(
    act: Act, account_id: int, amount: Decimal, provider: str, invoice: str, *, seen: int, overdraws: bool = False
) -> int:
    """
    Will pay a provider's invoice out of a broker's account, for the reason the act gives.

    :param overdraws: the person says that it may go below zero
    :returns: the entry's id
    :raises Invalid: beside the field; :raises InvoicePaid: where the invoice was paid out of it before
    :raises CsaTooLow: where less is there, and nobody said that it may go below; :raises StaleCsa, NotFound:
    """
    provider, invoice = provider.strip(), invoice.strip()
    if not provider or len(provider) > 80:
        raise Invalid("Name who is paid, in at most 80 characters.", field="provider")
    if not invoice or len(invoice) > 60:
        raise Invalid("Give the invoice's number, in at most 60 characters.", field="invoice")
    account = _lock(act, account_id, amount, seen)
    if amount <= 0:
        raise Invalid("What is paid is above zero.", field="amount")
    paid = CsaEntry.objects.filter(account=account, provider__iexact=provider, invoice_ref__iexact=invoice, kind=Kind.PAYMENT)
    if before := paid.first():
        raise InvoicePaid(f"Invoice {invoice} of {provider} was paid on {before.at:%Y-%m-%d}.", entry=before.pk)
    said = {"provider": provider, "invoice_ref": invoice}
    below = _goes_below(account, -amount, overdraws)
    entry = _entry(act, account, Kind.PAYMENT, -amount, **said, overdraws=below, reason=act.reason.strip())
    event = events.CsaPaid(provider, invoice, f"{amount:f}", f"{account.balance_amount:f}", below)
    return _keep(act, account, entry, event)


@transaction.atomic
def correct_csa(act: Act, account_id: int, amount: Decimal, *, seen: int, overdraws: bool = False) -> int:
    """
    Will write a signed amount to a broker's account, as its statement says, for the reason the act gives.

    :returns: the entry's id; :raises Invalid: beside the field; :raises CsaTooLow, StaleCsa, NotFound:
    """
    account = _lock(act, account_id, amount, seen)
    if not amount:
        raise Invalid("A correction is not zero.", field="amount")
    below = _goes_below(account, amount, overdraws)
    entry = _entry(act, account, Kind.CORRECTION, amount, overdraws=below, reason=act.reason.strip())
    return _keep(act, account, entry, events.CsaCorrected(f"{amount:f}", f"{account.balance_amount:f}", below))


def _lock(act: Act, account_id: int, amount: Decimal, seen: int) -> CsaAccount:
    require(act, "allocations.keep_csa")
    if not act.reason.strip() or len(act.reason) > 400:
        raise Invalid("Give a reason of at most 400 characters: it is kept on the record.", field="reason")
    rows = CsaAccount.objects.select_for_update(no_key=True, of=("self",)).select_related("broker", "currency")
    account = rows.filter(pk=account_id).first()
    if account is None:
        raise NotFound("There is no such account.")
    if account.version != seen:
        missed = orders.missed("csa", {account.pk: (account.ref, seen, account.version)})
        raise StaleCsa(f"{account.ref} has other entries than you saw. Reload and look again.", stale=missed)
    places = account.currency.minor_units
    if not amount.is_finite() or amount != amount.quantize(Decimal(1).scaleb(-places)):
        raise Invalid(f"{account.currency_id} has {places} decimals.", field="amount")
    return account


def _goes_below(account: CsaAccount, amount: Decimal, overdraws: bool) -> bool:
    """:returns: whether it goes below zero by somebody's word"""
    after = account.balance_amount + amount
    if amount > 0 or after >= 0:
        return False
    if not overdraws:
        raise CsaTooLow(
            f"{account.broker.name} holds {account.currency_id} {account.balance_amount:,.2f} for research; this would leave"
            f" {after:,.2f}. Pay less, or say that it may go below zero.",
            field="amount", balance=str(account.balance_amount),
        )  # fmt: skip
    return True


def _entry(act: Act, account: CsaAccount, kind: str, amount: Decimal, **more) -> CsaEntry:
    """The account's next entry, with the account moved on."""
    account.version += 1
    account.balance_amount += amount
    return CsaEntry(
        account=account, nth=account.version, kind=kind, amount=amount, balance_amount=account.balance_amount, by_id=act.by,
        at=act.at, **more,
    )  # fmt: skip


def _keep(act: Act, account: CsaAccount, entry: CsaEntry, event: Event) -> int:
    entry.save()
    account.save(update_fields=["balance_amount", "version"])
    record(act, [Fact(account.pk, account.version, event)])
    return entry.pk
