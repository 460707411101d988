"""Failures with 1C's error codes.

Public source of the codes: 1C:Enterprise 8.3 developer guide, chapter 17.4, list of the interface's errors.
"""

from __future__ import annotations

NOT_SUPPORTED = 0
CANNOT_PARSE = 1
BAD_BODY = 2
MISSING_VALUE = 5
BAD_PATH = 6
MISSING_KEY = 7
NO_SUCH_SET = 8
NO_SUCH_INSTANCE = 9
ROWS_NOT_CREATED = 13
BAD_OPTION = 14
KEY_EXISTS = 15
METHOD_FORBIDDEN = 19
NO_RIGHTS = 20
EXCEPTION = -1


class OdataError(Exception):
    """A request that 1C refuses.

    Attributes:
        status: HTTP status.
        code: 1C's number of the error; -1 is an exception of the platform or the configuration.
        text: what 1C says, in Russian.
    """

    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text


def bad_path(segment: str) -> OdataError:
    """Return the error for a name that does not exist; 1C echoes the name."""
    return OdataError(400, BAD_PATH, f"Сегмент пути '{segment}' не найден!")


def bad_option(text: str) -> OdataError:
    """Return the error for a query option that cannot be parsed."""
    return OdataError(400, BAD_OPTION, f"Ошибка при разборе опции запроса: {text}")
