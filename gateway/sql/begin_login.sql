-- Begin a log-in by password: it counts as failed until it has succeeded, so that guesses at the same moment count too.
--   login  employee_id, or the extension they hold today
--   zone   the business zone
-- No row: nobody can log in so. After five failures in a row the log-in is locked for a minute, and twice as long after
-- each more, up to a day; `password_hash` is then NULL and `locked_seconds` tells how long.
WITH who AS (
    SELECT l.employee_id, l.locked_until
    FROM switchboard.employee_logins AS l
    JOIN switchboard.crm_employees AS w USING (employee_id)
    CROSS JOIN LATERAL (SELECT CAST(now() AT TIME ZONE %(zone)s AS date) AS today) AS clock
    WHERE l.password_hash IS NOT NULL AND w.gone_at IS NULL
        AND coalesce(w.employed_from <= clock.today, true) AND coalesce(w.employed_until >= clock.today, true)
        AND (l.employee_id = %(login)s OR EXISTS (
            SELECT
            FROM switchboard.employee_extensions AS h
            WHERE h.employee_id = l.employee_id AND h.extension = %(login)s
                AND daterange(h.valid_from, h.valid_to) @> clock.today
        ))
    ORDER BY l.employee_id = %(login)s DESC
    LIMIT 1
), tried AS (
    UPDATE switchboard.employee_logins AS l SET
        failures = l.failures + 1,
        locked_until = CASE
            WHEN l.failures >= 4
                THEN clock_timestamp() + least(interval '1 minute' * power(2, least(l.failures - 4, 11)), interval '1 day')
        END
    FROM who
    WHERE l.employee_id = who.employee_id AND coalesce(l.locked_until <= clock_timestamp(), true)
    RETURNING l.employee_id, l.password_hash
)
SELECT
    who.employee_id, tried.password_hash,
    CASE
        WHEN tried.employee_id IS NULL
            THEN greatest(1, ceil(extract(epoch FROM who.locked_until - clock_timestamp())))::integer
    END AS locked_seconds
FROM who
LEFT JOIN tried USING (employee_id)
