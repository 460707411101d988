-- A right password: open a session, end the one the browser had, and forget failures.
WITH forgiven AS (
    UPDATE switchboard.employee_logins SET failures = 0, locked_until = NULL WHERE employee_id = %(employee_id)s
), ended AS (
    DELETE FROM switchboard.login_sessions WHERE token_hash = %(former_hash)s
)
INSERT INTO switchboard.login_sessions (token_hash, employee_id, expires_at)
VALUES (%(token_hash)s, %(employee_id)s, now() + make_interval(days => %(days)s))
