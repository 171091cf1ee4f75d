"""
Seals: Merkle roots over the entries, chained and signed, and the verifier that finds any change to what they cover.

A leaf is SHA-256 of byte 0 and the entry's canonical text with its act's; a node is SHA-256 of byte 1 and its two
children; an odd node moves up unchanged (RFC 6962, section 2.1, gives the two prefixes). A seal signs its root, the
root before it, its count and its time. Each seal is also written to a checkpoint file outside the database: who owns
the database may rewrite it all, but not what has left it.
"""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from .models import Seal

FIRST_ROOT = "0" * 64
HOLES_STAY_OPEN = timedelta(hours=1)
SEAL_LOCK = 727_001
LEAF_SQL = """
    SELECT e.id, concat_ws('|', e.id, e.event, e.subject, e.subject_id, e.nth, e.payload::text,
        a.id, a.by_id, extract(epoch from a.at)::text, a.via, a.reason, coalesce(a.cause_id, 0), a.request_ref)
    FROM audit_entry e JOIN audit_act a ON a.id = e.act_id
"""


def leaf(text: str) -> bytes:
    return hashlib.sha256(b"\x00" + text.encode()).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over the leaves in order; that of no leaves is SHA-256 of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = list(leaves)
    sha = hashlib.sha256
    while len(level) > 1:
        paired = [sha(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]


def chained(previous_root: str, content: bytes, count: int) -> str:
    return hashlib.sha256(bytes.fromhex(previous_root) + content + count.to_bytes(8, "big")).hexdigest()


def signed_text(seal: Seal) -> bytes:
    return f"{seal.previous_root}|{seal.root}|{seal.count}|{seal.made_at.isoformat()}".encode()


def signing_key() -> Ed25519PrivateKey:
    """The key of ``AUDIT_SIGNING_KEY`` (32 bytes, hex); it lives outside the database."""
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(settings.AUDIT_SIGNING_KEY))


def pack(ids: Sequence[int]) -> bytes:
    return zlib.compress(orjson.dumps([b - a for a, b in zip([0, *ids], ids, strict=False)]))


def unpack(data: bytes) -> list[int]:
    total, ids = 0, []
    for step in orjson.loads(zlib.decompress(bytes(data))):
        total += step
        ids.append(total)
    return ids


@transaction.atomic
def make_seal() -> Seal | None:
    """Will seal what was committed since the last seal; None where there is nothing new or another is sealing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEAL_LOCK])
        if not cursor.fetchone()[0]:
            return None
        last = Seal.objects.order_by("-pk").first()
        floor = last.last_entry if last else 0
        holes = [h for h, _ in last.holes] if last else []
        cursor.execute(LEAF_SQL + " WHERE e.id > %s OR e.id = ANY(%s) ORDER BY e.id", [floor, holes])
        rows = cursor.fetchall()
        if not rows:
            return None
        now = timezone.now()
        ids = [r[0] for r in rows]
        seal = Seal(
            made_at=now,
            last_entry=max(ids[-1], floor),
            entries=pack(ids),
            holes=_holes(last, ids, floor, now),
            count=len(ids),
            previous_root=last.root if last else FIRST_ROOT,
        )
        seal.root = chained(seal.previous_root, merkle_root([leaf(r[1]) for r in rows]), seal.count)
        key = signing_key()
        seal.signature = key.sign(signed_text(seal)).hex()
        seal.public_key = key.public_key().public_bytes_raw().hex()
        seal.save()
    transaction.on_commit(lambda: _checkpoint(seal))
    return seal


def _holes(last: Seal | None, ids: Sequence[int], floor: int, now) -> list[list]:
    """Ids still missing, with the time each was first missed, for as long as a transaction may yet fill them."""
    present = set(ids)
    oldest = (now - HOLES_STAY_OPEN).timestamp()
    kept = [[h, at] for h, at in (last.holes if last else []) if h not in present and at > oldest]
    top = ids[-1]
    start = floor if last else ids[0]
    missing = [[i, now.timestamp()] for i in range(start + 1, top) if i not in present]
    return kept + missing


def checkpoint_file() -> Path:
    return Path(settings.OMS_HOME) / "seals" / "checkpoints.jsonl"


def _checkpoint(seal: Seal) -> None:
    path = checkpoint_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    line = {"seal": seal.pk, "root": seal.root, "count": seal.count, "at": seal.made_at, "signature": seal.signature}
    with path.open("ab") as out:
        out.write(orjson.dumps(line) + b"\n")


@dataclass
class Verdict:
    """
    What the verifier found: ``faults`` is empty exactly when the record is whole, and what is kept beside it is as it says.

    :param kept: things kept beside the record, whose hashes it has
    """

    entries: int = 0
    seals: int = 0
    unsealed: int = 0
    kept: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return not self.faults


@transaction.atomic
def verify(checkpoints: Path | None = None) -> Verdict:
    """
    Recomputes every seal from the entries and compares: any change, removal or insertion is a fault by name. So is each thing
    kept beside the record (``settings.PROOFS``) that is not what the record says it was.

    :param checkpoints: a file of exported seals; finds a tail cut off together with its seals
    """
    if not connection.savepoint_ids:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    verdict = Verdict()
    sealed: set[int] = set()
    previous, trusted = FIRST_ROOT, signing_key().public_key().public_bytes_raw().hex()
    last = None
    for seal in Seal.objects.order_by("pk").iterator(50):
        verdict.seals += 1
        ids = unpack(seal.entries)
        found = dict(_leaves(ids))
        for missing in [i for i in ids if i not in found][:20]:
            verdict.faults.append(f"entry {missing} was removed (sealed in seal {seal.pk})")
        root = chained(previous, merkle_root([leaf(found[i]) for i in ids if i in found]), seal.count)
        if seal.previous_root != previous:
            verdict.faults.append(f"seal {seal.pk} does not follow the seal before it")
        if root != seal.root and all(i in found for i in ids):
            verdict.faults.append(f"an entry among {ids[0]} to {ids[-1]} was changed (seal {seal.pk})")
        if seal.public_key != trusted or not _signed(seal):
            verdict.faults.append(f"seal {seal.pk} is not signed by this firm's key")
        sealed.update(ids)
        verdict.entries += len(found)
        previous, last = seal.root, seal
    _find_insertions(verdict, sealed, last)
    _find_gaps(verdict)
    _compare_checkpoints(verdict, checkpoints if checkpoints is not None else checkpoint_file())
    for proof in import_string(settings.PROOFS):
        count, faults = proof()
        verdict.kept += count
        verdict.faults += faults
    return verdict


def _leaves(ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(LEAF_SQL + " WHERE e.id = ANY(%s)", [list(ids)])
        yield from cursor.fetchall()


def _signed(seal: Seal) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(seal.public_key)).verify(
            bytes.fromhex(seal.signature), signed_text(seal)
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def _find_insertions(verdict: Verdict, sealed: set[int], last: Seal | None) -> None:
    floor = last.last_entry if last else 0
    allowed = {h for h, _ in last.holes} if last else set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM audit_entry WHERE id <= %s", [floor])
        for (entry,) in cursor:
            if entry not in sealed and entry not in allowed:
                verdict.faults.append(f"entry {entry} was inserted after its place was sealed")
        cursor.execute("SELECT count(*) FROM audit_entry WHERE id > %s", [floor])
        verdict.unsealed = cursor.fetchone()[0]
    verdict.entries += verdict.unsealed


def _find_gaps(verdict: Verdict) -> None:
    """A life counts 1, 2, 3 … without a gap, so a removal shows even before it is sealed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT subject, subject_id, count(*), max(nth) FROM audit_entry GROUP BY 1, 2"
            " HAVING count(*) <> max(nth) LIMIT 20"
        )
        for subject, subject_id, count, top in cursor.fetchall():
            verdict.faults.append(f"{subject} {subject_id} has {count} entries but counts to {top}")


def _compare_checkpoints(verdict: Verdict, path: Path) -> None:
    if not path.exists():
        return
    roots = dict(Seal.objects.values_list("pk", "root"))
    for line in path.read_bytes().splitlines():
        mark = orjson.loads(line)
        if mark["seal"] not in roots:
            verdict.faults.append(f"seal {mark['seal']} was exported but is gone: the tail was cut off")
        elif roots[mark["seal"]] != mark["root"]:
            verdict.faults.append(f"seal {mark['seal']} differs from its exported checkpoint")
