"""What is kept beside the record and must be what the record says it was: each counts what there is, and names what is not."""

from apps.compliance.selectors.proofs import screenings_unlike_the_record
from apps.surveillance.proofs import reports_unlike_the_record

PROOFS = (screenings_unlike_the_record, reports_unlike_the_record)
