-- What employees held who are no longer in their source, or whose rows could not be read: it stays true of
-- the past, up to today for who went just now, and yields where somebody else is now said to have held it.
INSERT INTO wanted_extensions (employee_id, extension, valid_from, valid_to)
SELECT former.employee_id, former.extension, lower(former.period), upper(former.period)
FROM (
    SELECT
        x.employee_id, x.extension,
        unnest(datemultirange(
            CASE
                WHEN e.gone_at IS DISTINCT FROM now() THEN daterange(x.valid_from, x.valid_to)
                ELSE daterange(x.valid_from, greatest(x.valid_from, least(x.valid_to, today.at)))
            END
        ) - coalesce(taken.periods, '{}')) AS period
    FROM employee_extensions AS x
    JOIN crm_employees AS e USING (employee_id)
    CROSS JOIN (SELECT CAST(now() AT TIME ZONE :business_zone AS date) AS at) AS today
    LEFT JOIN (
        SELECT extension, range_agg(daterange(valid_from, valid_to)) AS periods
        FROM wanted_extensions
        GROUP BY extension
    ) AS taken ON taken.extension = x.extension
    WHERE e.gone_at IS NOT NULL OR x.employee_id IN (SELECT key FROM refused_contacts)
) AS former
