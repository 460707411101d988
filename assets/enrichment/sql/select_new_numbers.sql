-- Numbers of the touched calls that were never parsed for their server's country: clients' and our own.
SELECT DISTINCT n.raw, r.region
FROM call_history AS h
CROSS JOIN LATERAL (
    SELECT coalesce(CAST(:regions AS jsonb) ->> h.pbx_id, CAST(:regions AS jsonb) ->> '') AS region
) AS r
CROSS JOIN LATERAL (VALUES (h.client_number), (CASE WHEN h.direction = 'in' THEN h.did END)) AS n(raw)
WHERE (h.pbx_id, h.linkedid) IN (SELECT t.pbx_id, t.linkedid FROM touched_calls AS t)
    AND n.raw IS NOT NULL
    AND NOT EXISTS (SELECT FROM number_forms AS f WHERE f.raw = n.raw AND f.region = r.region)
