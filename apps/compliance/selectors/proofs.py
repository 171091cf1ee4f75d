"""Stored screenings held against the record: each must still be what the record, which is sealed, says it was."""

from collections.abc import Iterator, Sequence

from django.db import connection

from ..engine.storing import NotStored, digest, expanded
from ..models import Run
from .runs import rules_hash

AT_ONCE = 50
"""Runs whose bytes are read together."""
# Those from before the record said anything of screenings are taken as they are.
UNLIKE = """
SELECT coalesce(r.id, e.subject_id), r.id IS NULL, e.id IS NULL, r.at <> e.at
FROM (SELECT e.id, e.subject_id, e.payload, a.at FROM audit_entry e JOIN audit_act a ON a.id = e.act_id
  WHERE e.event = 'screening.kept') e FULL JOIN compliance_run r ON r.id = e.subject_id
WHERE r.id IS NULL OR r.at <> e.at OR e.payload ->> 'inputs_hash' <> r.inputs_hash OR e.payload ->> 'rules_hash' <> r.rules_hash
  OR (e.id IS NULL AND r.id >= (SELECT min(subject_id) FROM audit_entry WHERE event = 'screening.kept'))
ORDER BY 1
"""


def screenings_unlike_the_record() -> tuple[int, list[str]]:
    """How many screenings are kept, and what is wrong with each that is not what it was when it was judged."""
    with connection.cursor() as cursor:
        cursor.execute(UNLIKE)
        found = [f"screening S-{pk:06d} {why_unlike(gone, unknown, moved)}" for pk, gone, unknown, moved in cursor.fetchall()]
    stored = Run.objects.order_by("pk").values_list("pk", "inputs", "inputs_hash", "rule_versions", "rules_hash")
    said = Rules()
    count = 0
    for pk, inputs, inputs_hash, versions, rules in stored.iterator(chunk_size=AT_ONCE):
        count += 1
        found += [f"screening S-{pk:06d} {why}" for why in faults_of(inputs, inputs_hash, said.hash_of(versions), rules)]
    return count, found


class Rules:
    """What versions of rules say, hashed; each set of them once."""

    def __init__(self):
        self._known: dict[tuple[int, ...], str] = {}

    def hash_of(self, versions: Sequence[int]) -> str:
        key = tuple(versions)
        if key not in self._known:
            self._known[key] = rules_hash(versions)
        return self._known[key]


def faults_of(inputs: bytes | memoryview, inputs_hash: str, rules_are: str, rules_were: str) -> Iterator[str]:
    """What is wrong with a stored run. :param rules_are: the hash of what its rules say now, and :param rules_were: said then"""
    try:
        if digest(expanded(bytes(inputs))) != inputs_hash:
            yield "is not what it was: its inputs have another hash"
    except NotStored:
        yield "cannot be read: its inputs are not what they were"
    if rules_are != rules_were:
        yield "was asked by rules that say something else now"


def why_unlike(gone: bool, unknown: bool, moved: bool) -> str:
    """Of a run that differs from the record, how; else by its hashes."""
    if gone:
        return "is gone: the record says that it was kept"
    if unknown:
        return "is not on the record: it was put in later"
    return "is not of the time that the record says" if moved else "is not what the record says: its inputs or rules have another hash"
