"""Writing a contact into 1C's phone-call document: read, compare, write only what differs.

1C ignores `If-Match` on live bases and counts `DataVersion` up at every write, so an equal value is
never written and a small race remains. Whether to write at all is the caller's setting.
"""

from __future__ import annotations

from collections.abc import Collection

from resources.onec.answers import Row
from resources.onec.configuration import InteractionSet
from resources.onec.http import OnecClient
from resources.onec.metadata import NAMESPACE
from resources.onec.rows import EMPTY_REF


def write_contact(
    client: OnecClient,
    calls: InteractionSet,
    document_id: str,
    target: str,
    ref: str,
    replaces: Collection[str] | None = None,
) -> bool:
    """Make `ref` (of the set `target`) the contact of a phone call; return whether it was written.

    Args:
        client: the base.
        calls: how its phone calls are read.
        document_id: the call's reference.
        target: the set the contact stands in.
        ref: the contact's reference.
        replaces: the only references that may give way; None is any. No contact always gives way.

    Raises:
        ValueError: this base's documents cannot hold a contact of that kind.
        OnecError: see the classes in `resources.onec.errors`.
    """
    reference = calls.clients[0]
    if not reference.type_field and reference.target != target:
        raise ValueError(f"{calls.entity_set}.{reference.field} holds {reference.target}, not {target}")
    wanted: Row = {reference.field: ref}
    if reference.type_field:
        wanted[reference.type_field] = NAMESPACE + target
    path = f"{calls.entity_set}(guid'{document_id}')"
    held = client.row(path)
    if all(str(held.get(name) or "").lower() == str(value).lower() for name, value in wanted.items()):
        return False
    present = str(held.get(reference.field) or "").lower()
    if replaces is not None and present not in ("", EMPTY_REF, *replaces):
        return False
    client.patch(path, wanted)
    return True
