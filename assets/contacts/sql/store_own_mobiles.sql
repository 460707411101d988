-- Mobiles of a source's employees are numbers of our own until the day they leave. Calls of numbers that became ours,
-- or are so no longer, are to be looked at again.
WITH mobiles AS (
    SELECT
        f.number, min(e.employee_id) AS employee_id,
        CASE
            WHEN bool_and(e.employed_until IS NOT NULL)
                THEN CAST(max(e.employed_until) + 1 AS timestamp) AT TIME ZONE :business_zone
        END AS valid_to
    FROM crm_employees AS e
    JOIN number_forms AS f ON f.raw = e.mobile AND f.region = :region
    WHERE e.source = :source AND e.gone_at IS NULL AND f.kind = 'external'
    GROUP BY f.number
), written AS (
    INSERT INTO own_numbers (number, kind, source, employee_id, valid_to)
    SELECT m.number, 'own_mobile', :source, m.employee_id, m.valid_to
    FROM mobiles AS m
    LEFT JOIN own_numbers AS o USING (number)
    WHERE (o.kind, o.employee_id, o.valid_to) IS DISTINCT FROM ('own_mobile', m.employee_id, m.valid_to)
    ON CONFLICT (number) DO UPDATE SET
        kind = excluded.kind, source = excluded.source, employee_id = excluded.employee_id,
        valid_to = excluded.valid_to
    RETURNING number
), ended AS (
    UPDATE own_numbers
    SET valid_to = now()
    WHERE kind = 'own_mobile' AND source = :source AND (valid_to IS NULL OR valid_to > now())
        AND number NOT IN (SELECT number FROM mobiles)
    RETURNING number
)
INSERT INTO numbers_to_relink (number)
SELECT number FROM written
UNION
SELECT number FROM ended
