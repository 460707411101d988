"""The worked example of docs/routing.md, run through the code: its calls are loaded, its figures come out."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

from assets.contacts.ownership import update_owners
from assets.contacts.sources import refresh_sources
from assets.platform import Platform
from assets.routing.build import update_routing
from assets.routing.explain import explain_answer
from assets.routing.policy import AnswerPolicy, PublicationRules
from assets.routing.publish import publish
from assets.routing.rules import RoutingRules
from tests.rows import MOSCOW, at, leg, load

PAGE = (Path(__file__).parents[2] / "docs" / "routing.md").read_text("utf-8")
EXTENSIONS = {"Anna": "201", "Vera": "202"}
EMPLOYEES = {"Anna": "anna", "Vera": "vera"}
VASILEK = "+74957654321"


def cells(first_column: str) -> list[list[str]]:
    """Return the rows of the page's table that begins with this column."""
    found = re.search(rf"^\| {first_column} \|.*\n\|[-|:]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert found, first_column
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()]


def test_the_worked_example_is_what_the_code_computes(platform: Platform) -> None:
    """Weights, decay, points, shares, who is responsible and who answers."""
    refresh_sources(platform.warehouse, platform.contacts, platform.contact_rules)
    with platform.warehouse.transaction() as connection:
        update_owners(connection, platform.matching)
    legs = []
    for call, (moment, parts) in enumerate(groupby(cells("call began"), key=lambda row: row[0])):
        for place, (_, who, talk, *_rest) in enumerate(parts):
            began = at(f"{moment}:{place:02}")
            legs.append(leg(f"c{call}", began, VASILEK, EXTENSIONS[who], duration=int(talk), talk=int(talk)))
    load(platform.warehouse, legs)
    update_routing(platform.warehouse, RoutingRules(), "Europe/Moscow")
    publish(platform.warehouse, PublicationRules(), AnswerPolicy(queue_extension="600"))
    with platform.warehouse.transaction() as connection:
        found = explain_answer(connection, VASILEK, RoutingRules(), "Europe/Moscow", at("2026-10-01 12:00:00"))

    names = {employee_id: name for name, employee_id in EMPLOYEES.items()}
    evidence = [
        [
            f"{one.at.astimezone(MOSCOW):%Y-%m-%d %H:%M}",
            names[each.employee_id],
            str(one.talk_seconds),
            one.role,
            f"{one.weight:.3f} · {one.decay:.3f} = {one.points:.3f}",
        ]
        for each in found.candidates
        for one in each.contributions
    ]
    told = [row for row in cells("call began") if row[3] != "none: under 10 s"]
    assert sorted(evidence) == sorted(told)
    ranking = [
        [
            names[each.employee_id],
            f"{each.score:.3f}",
            f"{each.share:.1%}",
            each.why_not or f"responsible: `{each.reason}`",
        ]
        for each in found.candidates
    ]
    assert [[cell.replace("Анна Смирнова", "Anna") for cell in row] for row in ranking] == cells("employee")
    assert found.answer["employee_id"] == "anna"
