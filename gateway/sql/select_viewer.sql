-- Whose session it is; no row: nobody's, or of somebody who may come in no longer.
--   token_hash  SHA-256 of the cookie
--   zone        the business zone
SELECT s.employee_id, w.name, x.extension, l.is_supervisor, l.opens_card_on
FROM switchboard.login_sessions AS s
JOIN switchboard.employee_logins AS l USING (employee_id)
JOIN switchboard.crm_employees AS w USING (employee_id)
CROSS JOIN LATERAL (SELECT CAST(now() AT TIME ZONE %(zone)s AS date) AS today) AS clock
LEFT JOIN LATERAL (
    SELECT min(h.extension) AS extension
    FROM switchboard.employee_extensions AS h
    WHERE h.employee_id = s.employee_id AND daterange(h.valid_from, h.valid_to) @> clock.today
) AS x ON true
WHERE s.token_hash = %(token_hash)s AND s.expires_at > now() AND w.gone_at IS NULL
    AND coalesce(w.employed_from <= clock.today, true) AND coalesce(w.employed_until >= clock.today, true)
