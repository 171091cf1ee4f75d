"""Taking rules of the library: each becomes a draft, which another officer approves as any other."""

from collections.abc import Sequence

from django.db import connection, transaction

from apps.core.acts import Act
from apps.core.refusals import Conflict, Invalid, NotFound
from apps.core.tables import one_at_a_time
from apps.users.services import require

from ..library import shipped
from ..models import Rule, RuleDraft
from ..states import DraftStatus
from .drafts import Change, write_drafts
from .rulebook import RuleText

USUAL_MOMENTS = RuleText._field_defaults["moments"]


class TakenAlready(Conflict):
    """The firm has a rule of that code, or a draft of it is on its way."""


@transaction.atomic
def take_rules(act: Act, codes: Sequence[str]) -> list[int]:
    """
    Will write drafts of rules of the library, as they are shipped and for whom they are proposed: all or none.

    :returns: the drafts' ids, in order
    :raises NotFound: naming the first code that is not in the library
    :raises TakenAlready: naming those that the firm has, or has begun
    """
    require(act, "compliance.write_rules")
    if not codes:
        raise Invalid("Choose rules of the library first.", field="codes")
    known = shipped()
    wanted = list(dict.fromkeys(codes))
    if unknown := [code for code in wanted if code not in known]:
        raise NotFound(f"There is no rule “{unknown[0]}” in the library.", codes=unknown)
    with connection.cursor() as cursor:
        one_at_a_time(cursor, "compliance.library")
    taken = set(Rule.objects.filter(code__in=wanted).values_list("code", flat=True))
    begun = RuleDraft.objects.filter(code__in=wanted, status__in=[DraftStatus.DRAFT, DraftStatus.PROPOSED])
    taken |= set(begun.values_list("code", flat=True))
    if taken:
        names = ", ".join(known[code].name for code in wanted if code in taken)
        raise TakenAlready(f"The firm has these already, or a draft of them: {names}.", codes=sorted(taken))
    rules = [known[code] for code in wanted]
    texts = [
        RuleText(
            rule.code, rule.kind, rule.name, rule.severity, rule.params, rule.citation, jurisdiction=rule.jurisdiction,
            fixtures=rule.fixtures, scope=rule.scope, moments=rule.moments or USUAL_MOMENTS,
            when_unsure=rule.when_unsure,
        )
        for rule in rules
    ]  # fmt: skip
    return write_drafts(act, [Change(text) for text in texts])
