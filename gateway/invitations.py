"""Who may log in at the gateway's pages: decided by whoever runs the commands `invite`, `password` and `uninvite`."""

from __future__ import annotations

from sqlalchemy import Connection

from gateway.errors import LoginError
from gateway.passwords import hash_of_password, hash_of_token, new_token
from resources.warehouse.statements import run

PACKAGE = "gateway"


def invite(connection: Connection, employee: str, zone: str, *, hours: float, is_supervisor: bool | None) -> str:
    """Let an employee log in by a link; links they got before and did not use open nothing any more.

    Args:
        connection: inside a transaction; the caller commits.
        employee: employee_id, or the extension they hold today.
        zone: the business zone.
        hours: how long the link is good.
        is_supervisor: whether they see everybody's calls; None leaves it as it is, at first no.

    Returns:
        The token that the link has.

    Raises:
        LoginError: there is no such employee.
    """
    token = new_token()
    values = {
        "employee_id": _employee_id(connection, employee, zone),
        "is_supervisor": is_supervisor,
        "token_hash": hash_of_token(token),
        "seconds": hours * 3600,
    }
    run(connection, PACKAGE, "invite", values)
    return token


def set_password(connection: Connection, employee: str, zone: str, password: str) -> str:
    """Let an employee log in by this password only; browsers that are logged in are logged out.

    Returns:
        Their employee_id.

    Raises:
        LoginError: there is no such employee, or the password is too short.
    """
    employee_id = _employee_id(connection, employee, zone)
    values = {"employee_id": employee_id, "password_hash": hash_of_password(password)}
    run(connection, PACKAGE, "store_password", values)
    return employee_id


def uninvite(connection: Connection, employee: str, zone: str) -> str:
    """Let an employee log in no longer; browsers that are logged in are logged out.

    Returns:
        Their employee_id.

    Raises:
        LoginError: there is no such employee, or they could not log in anyway.
    """
    employee_id = _employee_id(connection, employee, zone)
    if not run(connection, PACKAGE, "uninvite", {"employee_id": employee_id}).all():
        raise LoginError(f"Employee '{employee_id}' was not invited.")
    return employee_id


def _employee_id(connection: Connection, employee: str, zone: str) -> str:
    found = run(connection, PACKAGE, "select_employee", {"employee": employee, "zone": zone}).scalars().first()
    if found is None:
        raise LoginError(
            f"No employee has the employee_id or, today, the extension '{employee}'. They stand in tables "
            'crm_employees and employee_extensions, for example: switchboard sql "TABLE crm_employees".'
        )
    return str(found)
