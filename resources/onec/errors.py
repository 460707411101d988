"""What can go wrong between this program and a 1C base. Every text says what, where, and what to do."""

from __future__ import annotations

from collections.abc import Sequence


class OnecError(Exception):
    """The 1C base could not be read or written."""


class OnecUnavailableError(OnecError):
    """Asked within bounds and with patience, 1C gave no usable answer; later may help."""


class OnecAnswerError(OnecError):
    """The answer cannot be what was asked for: empty, cut, an HTML page, or another document."""


class OnecRefusedError(OnecError):
    """1C understood and refused; asking again cannot help.

    Attributes:
        status: the HTTP status.
        code: 1C's own error code (its guide, "Standard OData interface", errors), None without one.
    """

    def __init__(self, text: str, status: int, code: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class OnecRightsError(OnecRefusedError):
    """The user was not accepted, or may not read this (row-level restrictions: code 20)."""


class OnecFailureError(OnecRefusedError):
    """An error inside the base (500, code -1): a handler, a closing date, a limit. Never repeated."""


class ControlCharacterError(OnecRefusedError):
    """A packet of changes cannot be written by 1C, most often for a control character in a text."""


class MissingObjectError(OnecError):
    """Objects this program needs are not in the base's OData interface.

    Attributes:
        missing: their names, as 1C's form of the interface shows them.
    """

    def __init__(self, where: str, missing: Sequence[str]) -> None:
        super().__init__(
            f"{where}: not published in the OData interface: {', '.join(missing)}. Add them in 1C: "
            "«Администрирование» - «Настройка стандартного интерфейса OData» (or by the method "
            "УстановитьСоставСтандартногоИнтерфейсаOData), and give the OData user the right to read them."
        )
        self.missing = tuple(missing)
