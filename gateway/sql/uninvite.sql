-- End an employee's log-in, sessions and links. No row: there was no log-in.
WITH links AS (
    DELETE FROM login_links WHERE employee_id = :employee_id
), sessions AS (
    DELETE FROM login_sessions WHERE employee_id = :employee_id
)
DELETE FROM employee_logins WHERE employee_id = :employee_id
RETURNING employee_id
