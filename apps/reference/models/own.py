"""What the firm itself says of instruments and issuers: attributes that it defines, and their values."""

import pgtrigger
from django.db import models
from simple_history.models import HistoricalRecords

from .. import own_rules
from .instruments import Instrument, Issuer


class OwnAttribute(models.Model):
    """
    An attribute of the firm's own. Rules ask for it as ``own.`` and its code, group by it, and count what it leaves out as
    not known. What is said in it keeps its meaning: code, kind and what it is of stay, and choices are only added.
    """

    code = models.CharField(max_length=40, unique=True, help_text="small letters, digits and underscores; rules ask for own.CODE")
    title = models.CharField(max_length=80)
    of = models.CharField("is said of", max_length=10, choices=[("instrument", "Instruments"), ("issuer", "Issuers")], default="instrument")
    kind = models.CharField(max_length=10, choices=own_rules.KINDS)
    choices = models.JSONField(default=list, blank=True, help_text='of a choice: its words, such as ["Coal", "None"]')
    history = HistoricalRecords()

    class Meta:
        ordering = ["code"]
        verbose_name = "own attribute"
        triggers = [
            pgtrigger.Trigger(
                name="keeps_its_meaning",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func="""
                    IF (NEW.code, NEW.of, NEW.kind) <> (OLD.code, OLD.of, OLD.kind) OR NOT NEW.choices @> OLD.choices THEN
                        RAISE EXCEPTION 'own attribute % keeps its meaning', OLD.code USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]

    def __str__(self) -> str:
        return self.title


FITS = """
    PERFORM 1 FROM reference_ownattribute a WHERE a.id = NEW.attribute_id AND a.of = '{of}' AND CASE a.kind
        WHEN 'number' THEN NEW.value ~ '^-?[0-9]+([.][0-9]+)?$' WHEN 'choice' THEN a.choices @> to_jsonb(NEW.value)
        ELSE NEW.value <> '' END;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the value does not fit its attribute' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""


def fits(of: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name="fits_its_attribute", operation=pgtrigger.Insert | pgtrigger.Update, when=pgtrigger.Before, func=FITS.format(of=of)
    )


class InstrumentValue(models.Model):
    """What the firm says of an instrument in one attribute, as text in the attribute's spelling."""

    attribute = models.ForeignKey(OwnAttribute, on_delete=models.PROTECT, related_name="+")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    value = models.CharField(max_length=own_rules.LONGEST)
    source = models.CharField(max_length=120, blank=True, default="", help_text="who says so, such as a vendor and a date")
    history = HistoricalRecords()

    class Meta:
        ordering = ["attribute", "instrument"]
        verbose_name = "own value of an instrument"
        verbose_name_plural = "own values of instruments"
        constraints = [models.UniqueConstraint(fields=["attribute", "instrument"], name="an_instrument_says_it_once")]
        triggers = [fits("instrument")]

    def __str__(self) -> str:
        return f"{self.attribute} of {self.instrument}: {self.value}"


class IssuerValue(models.Model):
    """The same of an issuer: it holds for each of its instruments."""

    attribute = models.ForeignKey(OwnAttribute, on_delete=models.PROTECT, related_name="+")
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    value = models.CharField(max_length=own_rules.LONGEST)
    source = models.CharField(max_length=120, blank=True, default="", help_text="who says so, such as a vendor and a date")
    history = HistoricalRecords()

    class Meta:
        ordering = ["attribute", "issuer"]
        verbose_name = "own value of an issuer"
        verbose_name_plural = "own values of issuers"
        constraints = [models.UniqueConstraint(fields=["attribute", "issuer"], name="an_issuer_says_it_once")]
        triggers = [fits("issuer")]

    def __str__(self) -> str:
        return f"{self.attribute} of {self.issuer}: {self.value}"
