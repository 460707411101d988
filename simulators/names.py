"""Words from which an invented company's people and clients are named. No real person or firm is meant."""

from __future__ import annotations

from random import Random

_FIRST = {
    "м": ("Александр", "Андрей", "Артём", "Борис", "Вадим", "Виктор", "Глеб", "Дмитрий", "Егор", "Иван", "Илья",
          "Кирилл", "Лев", "Максим", "Никита", "Олег", "Павел", "Роман", "Семён", "Тимур", "Фёдор", "Юрий"),
    "ж": ("Алина", "Анна", "Вера", "Галина", "Дарья", "Евгения", "Елена", "Зоя", "Инна", "Ирина", "Ксения",
          "Лариса", "Людмила", "Марина", "Мария", "Надежда", "Наталья", "Ольга", "Светлана", "Софья", "Юлия"),
}  # fmt: skip
_LAST = (
    "Абрамов", "Алёшин", "Баранов", "Белов", "Власов", "Гаврилов", "Голубев", "Гусев", "Данилов", "Дёмин", "Ершов",
    "Жуков", "Зайцев", "Зуев", "Ильин", "Калинин", "Киселёв", "Комаров", "Крылов", "Лазарев", "Лебедев", "Лосев",
    "Макаров", "Миронов", "Назаров", "Носов", "Орехов", "Панов", "Пестов", "Рогов", "Рябов", "Савин", "Серов",
    "Сомов", "Титов", "Уваров", "Фомин", "Хохлов", "Цветков", "Чернов", "Шаров", "Щукин", "Юдин", "Яшин",
)  # fmt: skip
_FOREIGN = (
    "Jürgen Weiß", "Anke Böhm", "François Lefèvre", "Zoë O'Brien", "Søren Kjær", "Łukasz Żak", "Nguyễn Minh Anh",
    "Ирма Гогоберидзе", "Алесь Каваль", "Даулет Сейтқали",
)  # fmt: skip
_PATRONYMIC = {
    "м": ("Алексеевич", "Борисович", "Викторович", "Ильич", "Олегович", "Петрович", "Сергеевич", "Юрьевич"),
    "ж": ("Алексеевна", "Борисовна", "Викторовна", "Ильинична", "Олеговна", "Петровна", "Сергеевна", "Юрьевна"),
}
_FORM = ("ООО", "ООО", "ООО", "АО", "ТД", "ГК", "НПО")
_FIRM_FIRST = (
    "Аква", "Альфа", "Арма", "Вектор", "Велес", "Гамма", "Дельта", "Заря", "Импульс", "Кедр", "Квант", "Контур",
    "Лада", "Магма", "Маяк", "Медиа", "Нева", "Норд", "Омега", "Орбита", "Пульс", "Радиус", "Ритм", "Сфера", "Тайга",
    "Темп", "Уран", "Факел", "Феникс", "Химера", "Элар", "Янтарь",
)  # fmt: skip
_FIRM_SECOND = (
    "-Авто", "-Групп", "Дом", "-Инвест", "Клин", "-Комплект", "Логистик", "Маш", "-Мебель", "Мед", "-Опт", "Пак",
    "Пром", "-Сервис", "Снаб", "Софт", "-Строй", "-Текстиль", "Тех", "Торг", "Фарм", "-Центр", "Электро",
)  # fmt: skip
_FOREIGN_FIRMS = (
    "Blauwal Handels GmbH", "Øresund Tools ApS", "Foxglove & Sons Ltd", "ЗАО «Белая Вежа»", "Crème Brûlée SARL",
)  # fmt: skip


def person(chance: Random) -> str:
    """Return a name as people write it: surname and first name, sometimes with patronymic, seldom foreign."""
    if chance.random() < 0.04:
        return chance.choice(_FOREIGN)
    gender = chance.choice("мж")
    words = [chance.choice(_LAST) + ("а" if gender == "ж" else ""), chance.choice(_FIRST[gender])]
    if chance.random() < 0.35:
        words.append(chance.choice(_PATRONYMIC[gender]))
    return " ".join(words)


def firm(chance: Random) -> str:
    """Return the name of a company; two calls may return the same, as in real registers."""
    if chance.random() < 0.02:
        return chance.choice(_FOREIGN_FIRMS)
    return f"{chance.choice(_FORM)} «{chance.choice(_FIRM_FIRST)}{chance.choice(_FIRM_SECOND)}»"
