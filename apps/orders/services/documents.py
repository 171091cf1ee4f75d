"""What an order rests on, kept with it: research, a client's mail, a screenshot."""

import hashlib
from collections.abc import Mapping
from pathlib import PurePath

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import IntegrityError, transaction

from apps.core.acts import Act
from apps.core.refusals import Invalid

from .. import events
from ..models import Document
from ..states import LIFE
from .locates import lock_seen
from .moves import happen

LARGEST = 10 * 1024 * 1024
MOST = 20
ADDRESS = URLValidator(["http", "https"])


@transaction.atomic
def add_document(
    act: Act, order_id: int, *, name: str = "", content: bytes | None = None, url: str = "", seen: Mapping[int, int]
) -> int:
    """
    Will keep a file as it is, or an address, beside an order; its hash is on the record.

    :param name: what it is called; of a file its own name, of an address the address where empty
    :param content: up to 10 MiB
    :param url: http or https
    :returns: the id of the document
    :raises NotFound, StaleOrder: as when attaching a locate
    :raises IllegalMove: of an order that was cancelled or rejected
    :raises Invalid: naming what is wrong: neither file nor address, or both, too large, a name given before
    """
    row = lock_seen(act, order_id, seen)
    LIFE.after(row.status, events.OrderDocumented)
    url = url.strip()
    if (content is None) == (not url):
        raise Invalid("Choose a file, or give an address: one of them.", field="url" if url else "file")
    if content is not None and not 0 < len(content) <= LARGEST:
        raise Invalid(f"The file has {len(content):,} bytes; it may have 1 to {LARGEST:,}.", field="file")
    if url:
        _refuse_no_address(url)
    name = (PurePath(name.strip().replace("\\", "/")).name or url)[:120]  # Of a file's path its last part.
    if Document.objects.filter(order=order_id).count() >= MOST:
        raise Invalid(f"{MOST} documents are kept with this order already; that is the most.", field="file")
    digest = hashlib.sha256(content).hexdigest() if content is not None else ""
    try:
        with transaction.atomic():
            made = Document.objects.create(
                order_id=order_id, name=name, url=url, content=content, size=len(content or b""), sha256=digest,
                added_by_id=act.by, added_at=act.at,
            )  # fmt: skip
    except IntegrityError:
        raise Invalid(f"A document “{name}” is kept with this order already. Give another name.", field="name") from None
    happen(act, [row], events.OrderDocumented(made.pk, name, url, made.size, digest))
    return made.pk


def _refuse_no_address(url: str) -> None:
    try:
        ADDRESS(url)
    except ValidationError:
        raise Invalid("This is no address of a page: it begins with https:// or http://.", field="url") from None
    if len(url) > 400:
        raise Invalid("The address is longer than 400 characters.", field="url")
