-- Numbers at which outsiders called us are our own lines; their earlier calls are looked at again.
WITH called AS (
    SELECT DISTINCT h.pbx_id, h.did
    FROM call_history AS h
    WHERE (h.pbx_id, h.linkedid) IN (SELECT t.pbx_id, t.linkedid FROM touched_calls AS t)
        AND h.direction = 'in' AND h.did IS NOT NULL
), learned AS (
    INSERT INTO own_numbers (number, kind, source)
    SELECT f.number, 'own_did', min(c.pbx_id)
    FROM called AS c
    JOIN number_forms AS f
        ON f.raw = c.did
        AND f.region = coalesce(CAST(:regions AS jsonb) ->> c.pbx_id, CAST(:regions AS jsonb) ->> '')
    WHERE f.kind = 'external' AND NOT EXISTS (SELECT FROM own_numbers AS o WHERE o.number = f.number)
    GROUP BY f.number
    ORDER BY f.number
    ON CONFLICT (number) DO NOTHING
    RETURNING number
)
INSERT INTO numbers_to_relink (number)
SELECT number FROM learned
