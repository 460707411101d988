"""A 1C base as a configured source: its configuration is read once a day, and again where it changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from assets.contacts import crm_source
from assets.contacts.crm_source import CrmSource
from assets.contacts.rules import ContactRules
from resources.onec.errors import OnecRefusedError
from resources.warehouse import Warehouse
from simulators.onec.presets import PARTNERS
from tests.fix_onec import ServedOnec
from tests.rows import select

Serve = Callable[..., ServedOnec]


def test_metadata_is_read_once(warehouse: Warehouse, simulated_onec: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 17 MB in a whole УТ: looks and refreshes share it, and after a day it is read again."""
    served = simulated_onec()
    crm = CrmSource("trade", open=served.source)
    for _ in range(2):
        assert crm.look(warehouse)
        crm.refresh(warehouse, ContactRules())
    assert not crm.look(warehouse).has_news
    assert len(served.asked("$metadata")) == 1
    crm.refresh(warehouse, ContactRules(), is_whole=True)
    assert len(served.asked("$metadata")) == 2
    monkeypatch.setattr(crm_source, "CONFIGURATION_KEPT", timedelta(0))
    crm.look(warehouse)
    assert len(served.asked("$metadata")) == 3


def test_a_changed_base_is_read_anew(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """A property that is no longer published makes one look fail; the next knows what there is."""
    served = simulated_onec()
    crm = CrmSource("trade", open=served.source)
    crm.refresh(warehouse, ContactRules())
    types = served.store.schema.types
    kept = tuple(one for one in types[PARTNERS].properties if not one.name.startswith("ОсновнойМенеджер"))
    types[PARTNERS] = replace(types[PARTNERS], properties=kept)
    some = next(iter(served.store.entities(PARTNERS)))["Ref_Key"]
    served.store.update(PARTNERS, some, {"Description": "Иначе"})
    with pytest.raises(OnecRefusedError, match="ОсновнойМенеджер"):
        crm.refresh(warehouse, ContactRules())
    crm.refresh(warehouse, ContactRules())
    assert select(warehouse, "SELECT name FROM crm_parties WHERE party_id = :id", id=some) == [("Иначе",)]
