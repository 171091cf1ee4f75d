"""
Back-office forms that save what their reader saw: two people on one row is normal, and the second is told what the first
did before anything of it is undone.

A form carries what it was made from. At the save the row is held and compared: where it is another by now, nothing is
saved, the differences are listed with who made the last of them, what was typed still stands, what was not touched
stands as it is now, and the next save goes through. The same holds for deleting and for going back to an older version.
"""

import copy
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django import forms
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.contrib.contenttypes.models import ContentType
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.db.models import Model
from django.forms.fields import InvalidJSONInput
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse, QueryDict

from apps.audit import selectors as audit
from apps.core.tables import will_change

FIELD = "made_from"
MOST_LINES = 2000
"""Lines below a row that one form can hold."""

Raw = str | list[str]
Seen = dict[str, Raw]
"""What a form shows: ``field`` or ``lines:key:field`` to the text or texts that stand in it."""


class Difference(NamedTuple):
    """One field that is another by now, each as a reader reads it; ``typed`` is None where the asker left it alone."""

    label: str
    then: str
    now: str
    typed: str | None


class AsSeen:
    """
    Mixin of a model admin whose rows people change. It stands before every other class.

    ``recorded_as`` is what the record calls such a row, where changes of it are on the record.
    """

    recorded_as = ""

    def changeform_view(self, request: HttpRequest, object_id=None, form_url="", extra_context=None) -> HttpResponse:
        if object_id is None or request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)

        def show(asked: HttpRequest, context: Mapping) -> HttpResponse:
            return super(AsSeen, self).changeform_view(asked, object_id, form_url, {**(extra_context or {}), **context})

        return self._as_seen(request, object_id, show)

    def history_form_view(self, request: HttpRequest, object_id, version_id, extra_context=None) -> HttpResponse:
        """An older version, to go back to."""

        def show(asked: HttpRequest, context: Mapping) -> HttpResponse:
            given = self._told(asked, object_id, {**(extra_context or {}), **context})
            return super(AsSeen, self).history_form_view(asked, object_id, version_id, given)

        return self._as_seen(request, object_id, show) if request.method == "POST" else show(request, {})

    def delete_view(self, request: HttpRequest, object_id, extra_context=None) -> HttpResponse:
        def show(asked: HttpRequest, context: Mapping) -> HttpResponse:
            given = self._told(asked, object_id, {**(extra_context or {}), **context})
            return super(AsSeen, self).delete_view(asked, object_id, given)

        return self._as_seen(request, object_id, show) if request.method == "POST" else show(request, {})

    def get_actions(self, request: HttpRequest) -> dict:
        """Rows are deleted one by one, each as it was seen."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None) -> HttpResponse:
        if change and obj is not None and FIELD not in context:
            # A form with mistakes is shown again: it is made from what it was.
            context[FIELD] = request.POST.get(FIELD) or self._sealed(request, obj)
        return super().render_change_form(request, context, add=add, change=change, form_url=form_url, obj=obj)

    def get_form(self, request: HttpRequest, obj=None, change=False, **kwargs):
        """Shown again after a refusal, a form stands as it was typed."""
        form = super().get_form(request, obj, change=change, **kwargs)
        typed = getattr(request, "typed", None)
        if not typed:
            return form

        class Typed(form):
            def __init__(self, *args, **more):
                super().__init__(*args, **more)
                self.initial.update({key: self._as_typed(key, value) for key, value in typed.items() if ":" not in key})

            def _as_typed(self, key: str, value: Any) -> Any:
                """What was typed as JSON is no text to be written as JSON once more."""
                return InvalidJSONInput(value) if isinstance(self.fields.get(key), forms.JSONField) and isinstance(value, str) else value

        return Typed

    def _create_formsets(self, request: HttpRequest, obj, change):
        formsets, inlines = super()._create_formsets(request, obj, change)
        for formset in formsets if getattr(request, "typed", None) else ():
            _stand_as_typed(formset, request.typed)
        return formsets, inlines

    def last_change(self, obj: Model) -> tuple[str, datetime] | None:
        """Who changed a row last, and when; None where nobody is known to have."""
        known = []
        if hasattr(obj, "history") and (kept := obj.history.select_related("history_user").order_by("history_id").last()):
            known.append((kept.history_date, str(kept.history_user or "the system")))
        logged = LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(type(obj)), object_id=str(obj.pk)
        )
        if done := logged.select_related("user").order_by("action_time", "pk").last():
            known.append((done.action_time, str(done.user)))
        if self.recorded_as and (entry := audit.timeline(self.recorded_as, obj.pk).last()):
            known.append((entry.act.at, str(entry.act.by)))
        return max(known)[::-1] if known else None

    # --- what was seen, and what stands ----------------------------------------------------------------------------

    def _as_seen(self, request: HttpRequest, object_id: str, show) -> HttpResponse:
        """Does what ``show`` does with the request where the row stands as it was seen; else shows the differences."""
        with transaction.atomic():
            obj = self._held(request, object_id)
            if obj is None:
                return show(request, {})
            if not self.has_change_permission(request, obj):
                raise PermissionDenied
            seen, now = _unsealed(request), self._seen(request, obj)
            if seen == now:
                return show(request, {})
            asked = _as_opened(request)
            asked.typed = self._typed(request, obj, seen) if seen is not None else {}
            told = {
                "differences": list(self._differences(request, obj, seen, now, asked.typed)) if seen is not None else [],
                "last_change": self.last_change(obj),
                FIELD: signing.dumps(now, salt=FIELD, compress=True),
            }
            answer = show(asked, told)
            answer.status_code = 409
            if hasattr(answer, "render"):
                answer.render()  # While the row is held: the page shows what it is made from.
            return answer

    def _held(self, request: HttpRequest, object_id: str) -> Model | None:
        """The row and the lines below it, locked against whoever would change them; None where there is none."""
        with connection.cursor() as cursor:
            will_change(cursor, [m._meta.db_table for m in (self.model, *(inline.model for inline in self.inlines))])
        obj = self.get_object(request, unquote(object_id))
        row = self.model._base_manager.select_for_update(no_key=True).filter(pk=getattr(obj, "pk", None))
        if not row.order_by().values("pk"):
            return None
        for formset in self._lines(request, obj):
            list(formset.get_queryset().order_by("pk").select_for_update(of=("self",), no_key=True).values_list("pk"))
        return self.get_object(request, unquote(object_id))

    def _lines(self, request: HttpRequest, obj: Model) -> Iterator[BaseInlineFormSet]:
        for make, inline in self.get_formsets_with_inlines(request, obj):
            yield make(instance=obj, queryset=inline.get_queryset(request))

    def _form(self, request: HttpRequest, obj: Model) -> forms.BaseForm:
        fields = flatten_fieldsets(self.get_fieldsets(request, obj))
        return self.get_form(request, obj, change=True, fields=fields)(instance=obj)

    def _fields(self, request: HttpRequest, obj: Model) -> Iterator[tuple[str, forms.BaseForm, str]]:
        """Each field of the page that a person fills in: its key, its form and its name there."""
        form = self._form(request, obj)
        yield from ((name, form, name) for name in form.fields)
        for formset in self._lines(request, obj):
            for line in formset.initial_forms:
                for name in _columns(formset, line):
                    yield f"{formset.prefix}:{line.instance.pk}:{name}", line, name

    def _seen(self, request: HttpRequest, obj: Model) -> Seen:
        return {key: _standing(form, name) for key, form, name in self._fields(request, obj)}

    def _sealed(self, request: HttpRequest, obj: Model) -> str:
        return signing.dumps(self._seen(request, obj), salt=FIELD, compress=True)

    def _told(self, request: HttpRequest, object_id: str, context: dict[str, Any]) -> dict[str, Any]:
        """A page's context with what it is made from, where the row is still there."""
        if FIELD in context or (obj := self.get_object(request, unquote(object_id))) is None:
            return context
        return context | {FIELD: self._sealed(request, obj)}

    def _typed(self, request: HttpRequest, obj: Model, seen: Seen) -> dict[str, Any]:
        """What the asker changed of what they saw, by key; new lines under ``lines:+n:field``."""
        if "post" in request.POST:  # Asked to delete: nothing was typed.
            return {}
        typed = {}
        form = self._form(request, obj)
        for name, field in form.fields.items():
            given = field.widget.value_from_datadict(request.POST, request.FILES, form.add_prefix(name))
            if not _same(field, seen.get(name, ""), given):
                typed[name] = given
        for formset in self._lines(request, obj):
            typed |= _lines_typed(request, formset, seen)
        return typed

    def _differences(self, request, obj: Model, seen: Seen, now: Seen, typed: Mapping) -> Iterator[Difference]:
        known = {key: (form, name) for key, form, name in self._fields(request, obj)}
        formsets = {formset.prefix: formset for formset in self._lines(request, obj)}
        for key in dict.fromkeys((*seen, *now)):
            if seen.get(key) == now.get(key):
                continue
            label, field = _named(*known[key]) if key in known else _gone(formsets, key)
            mine = _read(field, typed[key]) if key in typed else None
            yield Difference(label, _read(field, seen.get(key)), _read(field, now.get(key)), mine)


def _as_opened(request: HttpRequest) -> HttpRequest:
    """The request with which the page was opened, in the same window."""
    asked = copy.copy(request)
    asked.method, asked.POST, asked.GET = "GET", QueryDict(), request.GET.copy()
    asked.GET.update({name: request.POST[name] for name in (IS_POPUP_VAR, TO_FIELD_VAR) if name in request.POST})
    return asked


def _unsealed(request: HttpRequest) -> Seen | None:
    """What the form was made from; None where it does not say, or says what no form of ours does."""
    try:
        return signing.loads(request.POST.get(FIELD, ""), salt=FIELD)
    except signing.BadSignature:
        return None


def _columns(formset: BaseInlineFormSet, line: forms.BaseForm) -> list[str]:
    """The fields of a line but those that tie it: its own key, its owner's and the box that takes it away."""
    ties = {formset._pk_field.name, formset.fk.name, forms.formsets.DELETION_FIELD_NAME}
    return [name for name in line.fields if name not in ties]


def _lines_typed(request: HttpRequest, formset: BaseInlineFormSet, seen: Seen) -> dict[str, Any]:
    prefix, blank = formset.prefix, formset.empty_form
    sent = request.POST.get(f"{prefix}-TOTAL_FORMS", "0")
    typed = {}
    for n in range(min(int(sent), MOST_LINES) if sent.isdecimal() else 0):
        at = f"{prefix}-{n}"
        key = request.POST.get(f"{at}-{formset._pk_field.name}", "")
        names = _columns(formset, blank)
        given = {
            name: blank.fields[name].widget.value_from_datadict(request.POST, request.FILES, f"{at}-{name}")
            for name in names
        }
        was = {name: seen.get(f"{prefix}:{key}:{name}") if key else _standing(blank, name) for name in names}
        changed = {name: value for name, value in given.items() if not _same(blank.fields[name], was[name], value)}
        typed |= {f"{prefix}:{key or f'+{n}'}:{name}": value for name, value in changed.items()}
        if f"{at}-DELETE" in request.POST:
            typed[f"{prefix}:{key or f'+{n}'}:DELETE"] = True
    return typed


def _stand_as_typed(formset: BaseInlineFormSet, typed: Mapping[str, Any]) -> None:
    """Lines that are still there stand as typed; those that are not, and new ones, come below them."""
    lines: dict[str, dict[str, Any]] = {}
    for key, value in typed.items():
        prefix, _, rest = key.partition(":")
        if prefix == formset.prefix and rest:
            line, _, name = rest.partition(":")
            lines.setdefault(line, {})[name] = value
    there = {str(row.pk) for row in formset.get_queryset()}
    added = [values for line, values in lines.items() if line.startswith("+") and "DELETE" not in values]
    if added:
        formset.extra += len(added)
        formset.initial_extra = added
    for form in formset.initial_forms:
        form.initial.update(lines.get(str(form.instance.pk), {}) if str(form.instance.pk) in there else {})


def _standing(form: forms.BaseForm, name: str) -> Raw:
    """What stands in a field of a form nobody has typed in."""
    field, initial = form.fields[name], form.get_initial_for_field(form.fields[name], name)
    if isinstance(field, forms.MultiValueField):
        return [_text(part) for part in field.widget.decompress(initial)] if initial else []
    value = field.prepare_value(initial)
    return sorted(map(_text, value)) if isinstance(value, list | tuple) else _text(value)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _same(field: forms.Field, seen: Raw | None, given: Any) -> bool:
    if isinstance(field, forms.MultiValueField):
        parts = zip(field.fields, seen or [], given or [], strict=False)
        return bool(seen) == any(given or []) and all(_same(*part) for part in parts)
    if isinstance(given, list | tuple) or isinstance(seen, list):
        return sorted(map(_text, given or [])) == sorted(seen or [])
    try:
        return field.to_python(seen) == field.to_python(given)
    except ValidationError:
        return _text(seen) == _text(given)


def _named(form: forms.BaseForm, name: str) -> tuple[str, forms.Field]:
    """A field and what a reader calls it; one of a line below the row after the line."""
    field = form.fields[name]
    label = str(field.label or name.replace("_", " ").capitalize())
    return (f"{form.instance}: {label}" if form.prefix else label), field


def _gone(formsets: Mapping[str, BaseInlineFormSet], key: str) -> tuple[str, forms.Field]:
    """Label and field of a line that is there no more."""
    prefix, _, rest = key.partition(":")
    line, _, name = rest.partition(":")
    if prefix not in formsets or name not in formsets[prefix].empty_form.fields:
        return key, forms.CharField()
    field = formsets[prefix].empty_form.fields[name]
    return f"{formsets[prefix].model._meta.verbose_name} {line}: {field.label or name}", field


def _read(field: forms.Field, raw: Any) -> str:
    """A field's text as a reader reads it: the names of rows and choices, yes and no."""
    if isinstance(field, forms.MultiValueField):
        return " ".join(_read(*part) for part in zip(field.fields, raw or [], strict=False)) or "–"
    if isinstance(raw, list | tuple):
        return ", ".join(_read(field, one) for one in raw) or "–"
    if isinstance(field, forms.BooleanField) and raw is not None:
        return "yes" if field.to_python(raw) else "no"
    if raw in (None, ""):
        return "–"
    if isinstance(field, forms.ModelMultipleChoiceField):
        return _read(forms.ModelChoiceField(field.queryset, to_field_name=field.to_field_name), raw)
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        return str(dict(field.choices).get(raw, raw))
    try:
        return str(field.to_python(raw))
    except ValidationError:  # As it was typed; or a row that was there and is no more.
        return str(raw)
