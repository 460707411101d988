-- Use a login link up: open a session, and end the one the browser had. No row: the link opens nothing.
WITH used AS (
    UPDATE switchboard.login_links AS k SET used_at = now()
    FROM switchboard.employee_logins AS l
    JOIN switchboard.crm_employees AS w USING (employee_id)
    WHERE k.token_hash = %(link_hash)s AND k.used_at IS NULL AND k.expires_at > now()
        AND l.employee_id = k.employee_id AND w.gone_at IS NULL
    RETURNING k.employee_id
), ended AS (
    DELETE FROM switchboard.login_sessions WHERE token_hash = %(former_hash)s
)
INSERT INTO switchboard.login_sessions (token_hash, employee_id, expires_at)
SELECT %(token_hash)s, employee_id, now() + make_interval(days => %(days)s) FROM used
RETURNING employee_id
