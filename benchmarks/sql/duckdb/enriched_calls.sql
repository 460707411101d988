-- Every call with its owner as of its start; the columns of our table.
CREATE OR REPLACE TABLE enriched_calls AS
WITH lone_nationals AS (
    SELECT
        h.pbx_id, h.linkedid, min(o.party_id) AS party_id, min(o.contact_id) AS contact_id
    FROM 'call_history.parquet' AS h
    JOIN 'number_forms.parquet' AS f ON f.raw = h.client_number AND f.region = 'RU'
    JOIN 'number_owners.parquet' AS o ON o.national_number = f.national_number
    WHERE f.number IS NULL AND f.kind <> 'hidden'
        AND coalesce(o.valid_from <= h.started_at, true) AND coalesce(h.started_at < o.valid_to, true)
    GROUP BY h.pbx_id, h.linkedid
    HAVING count(*) = 1
)
SELECT
    h.pbx_id, h.linkedid, h.call_day, h.started_at,
    CASE WHEN f.kind <> 'hidden' THEN coalesce(f.number, f.national_number, h.client_number) END AS number,
    coalesce(o.party_id, n.party_id) AS party_id, coalesce(o.contact_id, n.contact_id) AS contact_id,
    CASE WHEN o.number IS NOT NULL THEN o.rung WHEN n.party_id IS NOT NULL THEN 'national' END AS rung,
    CASE WHEN o.ambiguous THEN o.candidates ELSE '{}' END AS candidates,
    p.responsible_id
FROM 'call_history.parquet' AS h
LEFT JOIN 'number_forms.parquet' AS f ON f.raw = h.client_number AND f.region = 'RU'
LEFT JOIN 'number_owners.parquet' AS o
    ON o.number = f.number
    AND coalesce(o.valid_from <= h.started_at, true) AND coalesce(h.started_at < o.valid_to, true)
LEFT JOIN lone_nationals AS n ON n.pbx_id = h.pbx_id AND n.linkedid = h.linkedid
LEFT JOIN 'crm_parties.parquet' AS p ON p.party_id = coalesce(o.party_id, n.party_id) AND p.gone_at IS NULL
WHERE h.gone_at IS NULL
