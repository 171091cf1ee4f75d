"""What was told of files that are not ours, under names of their own: renamed and removed by who saved it."""

from collections.abc import Mapping

from django.db import transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.users.services import require

from .. import events, selectors
from ..models import ImportTemplate


class StaleTemplate(Stale):
    """The template changed after the person looked."""


class TemplateNameTaken(Conflict):
    """Another template of the person has this name."""


@transaction.atomic
def rename_template(act: Act, template_id: int, name: str, *, seen: Mapping[int, int]) -> None:
    """
    Will call a template otherwise; files are read by it as before.

    :raises NotFound: if it is somebody else's, also where it is shared; :raises StaleTemplate:
    :raises Invalid: without a name, or one longer than 80 characters; :raises TemplateNameTaken:
    """
    template, name = _own(act, template_id, seen), name.strip()
    if not 1 <= len(name) <= 80:
        raise Invalid("A template has a name of 1 to 80 characters.", field="name")
    if name == template.name:
        return
    if ImportTemplate.objects.filter(owner=act.by, name=name, removed_at=None).exists():
        raise TemplateNameTaken(f"Another template of yours is called “{name}”.", field="name")
    before, template.name = template.name, name
    _happen(act, template, events.TemplateRenamed(before={"name": before}, after={"name": name}))


@transaction.atomic
def remove_template(act: Act, template_id: int, *, seen: Mapping[int, int]) -> None:
    """Will read no more file by a template; those read by it keep their lines. :raises NotFound, StaleTemplate:"""
    template = _own(act, template_id, seen)
    template.removed_at = act.at
    _happen(act, template, events.TemplateRemoved())


def _own(act: Act, template_id: int, seen: Mapping[int, int]) -> ImportTemplate:
    require(act, "orders.import")
    rows = ImportTemplate.objects.select_for_update(no_key=True)
    template = rows.filter(pk=template_id, owner=act.by, removed_at=None).first()
    if template is None:
        raise NotFound("There is no such template, or it is a colleague's: who saved it renames and removes it.")
    if seen.get(template.pk) != template.version:
        raise StaleTemplate(
            "The template changed since you looked. Reload and decide again.",
            stale=selectors.missed("template", {template_id: (template.name, seen.get(template_id), template.version)}),
        )
    return template


def _happen(act: Act, template: ImportTemplate, event: Event) -> None:
    template.version += 1
    template.save(update_fields=["name", "removed_at", "version"])
    record(act, [Fact(template.pk, template.version, event)])
