"""What people fill in about orders. What an order must be is judged by the service alone."""

from .approval_rules import ApprovalRuleForm
from .defaults import DefaultRuleForm, DryRunForm, value_asked_for
from .evidence import DocumentForm, LocateForm
from .files import PasteForm, UploadForm
from .orders import (
    AmendForm,
    BulkForm,
    CloneForm,
    DeputyForm,
    LinkForm,
    ProposalForm,
    TicketForm,
    day_or_none,
    number_or_none,
    plain,
    the_instrument,
)
from .own_fields import OwnFieldForm, OwnFieldsForm, own_said

__all__ = [
    "AmendForm",
    "ApprovalRuleForm",
    "BulkForm",
    "CloneForm",
    "DefaultRuleForm",
    "DeputyForm",
    "DocumentForm",
    "DryRunForm",
    "LinkForm",
    "LocateForm",
    "OwnFieldForm",
    "OwnFieldsForm",
    "PasteForm",
    "ProposalForm",
    "TicketForm",
    "UploadForm",
    "day_or_none",
    "number_or_none",
    "own_said",
    "plain",
    "the_instrument",
    "value_asked_for",
]
