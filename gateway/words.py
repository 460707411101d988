"""What the gateway says to people at its pages, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

WORDS: dict[str, dict[str, str]] = {
    "ru": {
        "title": "Карточка клиента",
        "login": "Внутренний номер или логин",
        "password": "Пароль",
        "enter": "Войти",
        "by_link": "Вход по ссылке: нажмите кнопку, ссылка сработает один раз.",
        "wrong_login": "Логин или пароль неверны.",
        "wrong_link": "Ссылка не подходит: она уже использована или устарела. Попросите новую.",
        "locked": "Слишком много неверных паролей. Попробуйте снова через {minutes} мин.",
        "busy": "Сейчас входят слишком многие. Попробуйте через минуту.",
        "no_answer": "База данных не отвечает. Попробуйте через минуту.",
        "assigned": "Номер присвоен. Звонки будут связаны заново в течение двух минут.",
        "pin": "закреплён за клиентом вручную",
        "crm_owner": "ответственный по данным CRM",
        "rank": "больше всех работает с клиентом",
        "kept": "отвечал до сих пор, у другого перевес слишком мал",
        "last_talker": "говорил с клиентом последним",
        "not_employed": "не работает",
        "excluded": "исключён из маршрутизации",
        "absent": "отсутствует",
        "holiday": "выходной день",
        "off_hours": "вне рабочего времени",
        "no_extension": "нет внутреннего номера",
        "until": "до",
    },
    "en": {
        "title": "Client card",
        "login": "Extension or login",
        "password": "Password",
        "enter": "Log in",
        "by_link": "You come by a link: press the button, it works once.",
        "wrong_login": "The login or the password is wrong.",
        "wrong_link": "This link opens nothing: it was used, or is too old. Ask for another.",
        "locked": "Too many wrong passwords. Try again in {minutes} min.",
        "busy": "Too many log in at this moment. Try again in a minute.",
        "no_answer": "The database does not answer. Try again in a minute.",
        "assigned": "The number is assigned. Its calls are linked anew within two minutes.",
        "pin": "the client's by hand",
        "crm_owner": "responsible in the CRM",
        "rank": "works with the client most",
        "kept": "has answered so far; another leads by too little",
        "last_talker": "talked to the client last",
        "not_employed": "is not employed",
        "excluded": "is left out of routing",
        "absent": "is absent",
        "holiday": "has a day off",
        "off_hours": "is outside working hours",
        "no_extension": "has no extension",
        "until": "until",
    },
}


def why(reason: str, away: list[str], language: str) -> str:
    """Return why an employee is responsible, and who is not there.

    Args:
        reason: the rung of the ladder.
        away: as `why_away` says it.
        language: ru or en.
    """
    return "; ".join([WORDS[language].get(reason, reason), *away])


def why_away(who: Mapping[str, Any], language: str, zone: str) -> str:
    """Return who would be responsible but is not there, and why: one of `unavailable` of the SQL function `route`."""
    words = WORDS[language]
    said = f"{who['name']}: {words[who.get('unavailable') or 'no_extension']}"
    if until := who.get("until"):
        said += f" {words['until']} {datetime.fromisoformat(until).astimezone(ZoneInfo(zone)):%d.%m.%Y %H:%M}"
    return said
