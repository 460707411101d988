-- Client numbers of the touched calls that were never parsed for their server's country.
SELECT DISTINCT h.client_number AS raw, r.region
FROM call_history AS h
CROSS JOIN LATERAL (
    SELECT coalesce(CAST(:regions AS jsonb) ->> h.pbx_id, CAST(:regions AS jsonb) ->> '') AS region
) AS r
WHERE (h.pbx_id, h.linkedid) IN (SELECT t.pbx_id, t.linkedid FROM touched_calls AS t)
    AND h.client_number IS NOT NULL
    AND NOT EXISTS (SELECT FROM number_forms AS f WHERE f.raw = h.client_number AND f.region = r.region)
