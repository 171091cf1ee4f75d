"""Reference data from files: each row held against the rules that a form is, every bad one named, all or none taken."""

from decimal import Decimal, InvalidOperation
from hashlib import blake2b

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import DecimalField, ForeignKey, Model
from import_export.fields import Field
from import_export.resources import ModelDeclarativeMetaclass, ModelResource
from import_export.widgets import DecimalWidget, ForeignKeyWidget

from apps.core.edges import act_of
from apps.core.tables import hold_against_all

from . import selectors, telling
from .forms import WHOLES, check, facts_of


class NumberWidget(DecimalWidget):
    def clean(self, value, row=None, **kwargs) -> Decimal | None:
        try:
            number = super().clean(value, row, **kwargs)
        except InvalidOperation:
            raise ValueError(f"“{value}” is not a number") from None
        if number is not None and not number.is_finite():
            raise ValueError(f"“{value}” is not a number")
        return number


class ByCode(ForeignKeyWidget):
    """Names a row of another table by its code. Each is looked up once a file."""

    def __init__(self, model: type[Model], field: str):
        super().__init__(model, field)
        self._found: dict[str, Model] = {}

    def clean(self, value, row=None, **kwargs) -> Model | None:
        code = "" if value is None else str(value).strip()
        if not code:
            return None
        if code not in self._found:
            found = self.model.objects.filter(**{self.field: code}).first()
            if found is None:
                raise ValueError(f"There is no {self.model._meta.verbose_name} “{code}”; add it first")
            self._found[code] = found
        return self._found[code]


class OtherThanShown(Exception):
    """Rows of a file would become another than its preview showed: their numbers."""

    def __init__(self, rows: list[int]):
        super().__init__(rows)
        self.rows = rows


def _digest(row) -> str:
    """What becomes of a row of a file, in short: made, changed from what to what, or left alone."""
    return blake2b(repr((row.import_type, row.diff)).encode(), digest_size=6).hexdigest()


def _reason(file_name: str | None) -> str:
    return f"Imported from {file_name}"[:100] if file_name else "Imported"


def _refuse_overweight(result, model: type[Model], request) -> None:
    """
    Refuses a thing and day whose weights sum to more than all of it, with its rows; whatever the order of rows. Of one below
    what rules need it is told, and taken: the rest may come in another file.
    """
    whole = WHOLES[model]
    numbers = {row.object_id: n for n, row in enumerate(result.rows, start=1) if row.object_id}
    found = selectors.summed_weights(model._base_manager.all(), whole.of, whole.called, list(numbers))
    said = []
    for one in found:
        if one.total > 100:
            rows = ", ".join(map(str, sorted(numbers[pk] for pk in one.ids)[:20]))
            said.append(f"The weights of {one.thing} on {one.as_of} sum to {one.total.normalize():f}%, more than all of it (rows {rows}).")
    if said:
        raise ValidationError(" ".join(said[:20]))
    for one in [one for one in found if one.total < whole.least][:20] if request is not None else ():
        messages.warning(
            request,
            f"The weights of {one.thing} on {one.as_of} sum to {one.total.normalize():f}%. They are taken, but until the day has"
            f" {whole.least}% at least, rules that ask for them cannot tell, and hold.",
        )


class CheckedResource(ModelResource):
    """
    Rows are known by the fields of ``import_id_fields``; one that is there already is changed, if it differs.

    What is confirmed is done as it was shown, or not at all: nobody else changes the table while it is, and where a row
    would now become another than the preview said, the import is refused with the rows that do.
    """

    def before_import(self, dataset, *, confirmed: str | None = None, **kwargs) -> None:
        if confirmed is not None:
            with connection.cursor() as cursor:
                hold_against_all(cursor, self._meta.model._meta.db_table)
        self._seen: dict[tuple, int] = {}
        self._changes: list[tuple[Model, telling.State | None]] = []
        known = {field.column_name for field in self.get_import_fields()}
        unknown = [header for header in dataset.headers or [] if header not in known]
        if unknown:
            raise ValidationError(
                f"Unknown columns: {', '.join(map(str, unknown))}. Known are: {', '.join(sorted(known))}."
            )
        for field in self.get_import_fields():
            if isinstance(field.widget, ByCode):
                field.widget._found.clear()

    def before_import_row(self, row, row_number=None, **kwargs) -> None:
        wrong = {}
        for name in self._meta.import_id_fields:
            try:
                self.fields[name].clean(row)
            except ValueError as error:
                wrong[name] = str(error)
        if wrong:
            raise ValidationError(wrong)
        key = tuple(str(row.get(self.fields[name].column_name)).strip() for name in self._meta.import_id_fields)
        first = self._seen.setdefault(key, row_number)
        if first != row_number:
            raise ValidationError(f"{' '.join(key)} is already in row {first} of this file")

    def after_init_instance(self, instance, new, row, **kwargs) -> None:
        """Keeps what a row said before, where the record tells of it; what it is known by is the file's."""
        if self._meta.model in telling.TOLD:
            instance._said_before = None if new else telling.said_of(instance)

    def after_save_instance(self, instance, row, **kwargs) -> None:
        if self._meta.model in telling.TOLD:
            self._changes.append((instance, instance._said_before))

    def validate_instance(self, instance, import_validation_errors=None, validate_unique=True) -> None:
        errors = {}
        try:
            super().validate_instance(instance, import_validation_errors, validate_unique)
        except ValidationError as error:
            errors = error.update_error_dict(errors)
        facts = {name: value for name, value in facts_of(instance).items() if name not in errors}
        try:
            check(type(instance), facts)
        except ValidationError as error:
            errors = error.update_error_dict(errors)
        if errors:
            raise ValidationError(errors)

    def after_import(self, dataset, result, *, confirmed: str | None = None, request=None, file_name=None, **kwargs) -> None:
        """
        :raises ValidationError: where the weights of a thing and day would sum to more than all of it
        :raises OtherThanShown: where a confirmed row would become another than it was shown
        """
        if self._meta.model in WHOLES:
            _refuse_overweight(result, self._meta.model, request)
        done = [_digest(row) for row in result.rows]
        if confirmed is None:
            if request is not None:
                request.shown = " ".join(done)
            return
        shown = confirmed.split(" ")
        if len(shown) != len(done):
            raise OtherThanShown(list(range(1, len(done) + 1)))
        if other := [n for n, (then, now) in enumerate(zip(shown, done, strict=True), start=1) if then != now]:
            raise OtherThanShown(other)
        if request is not None and self._changes:
            self._tell(request, result, file_name)

    def _tell(self, request, result, file_name: str | None) -> None:
        """Records what the file made of rows. A file with a bad row changes nothing, so there is nothing to tell."""
        if result.has_errors() or result.has_validation_errors():
            return
        changes = []
        for row, before in self._changes:
            after = telling.state_of(row)
            changes.append(telling.Change(row.pk, None if before is None else after | before, after))
        telling.tell(act_of(request, reason=_reason(file_name)), self._meta.model, changes)

    def before_save_instance(self, instance, row, file_name=None, **kwargs) -> None:
        instance._change_reason = _reason(file_name)


def resource_for(model: type[Model], keys: tuple[str, ...], codes: dict[str, str] | None = None) -> type[ModelResource]:
    """
    A resource of all of a model's fields.

    :param keys: the fields that tell a row from others
    :param codes: of each foreign key the field of its table that files name it by (``code`` where not said)
    """
    declared = {}
    for field in model._meta.concrete_fields:
        if isinstance(field, ForeignKey):
            by = (codes or {}).get(field.name, "code")
            declared[field.name] = Field(field.name, field.name, ByCode(field.related_model, by))
        elif isinstance(field, DecimalField):
            declared[field.name] = Field(field.name, field.name, NumberWidget(), default=field.default)
    meta = {
        "model": model,
        "import_id_fields": keys,
        "exclude": () if "id" in keys or model._meta.pk.name != "id" else ("id",),
        "use_transactions": True,
        "clean_model_instances": True,
        "skip_unchanged": True,
        "report_skipped": True,
    }
    name = f"{model.__name__}Resource"
    return ModelDeclarativeMetaclass(name, (CheckedResource,), declared | {"Meta": type("Meta", (), meta)})
