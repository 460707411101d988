-- Numbers somebody should look at: of several clients, or on a client's card and an employee's mobile, busiest first.
WITH questionable AS (
    SELECT
        o.number, o.candidates,
        CASE WHEN own.number IS NULL THEN 'several clients' ELSE 'an employee''s mobile on a client''s card' END AS why
    FROM number_owners AS o
    LEFT JOIN own_numbers AS own
        ON own.number = o.number AND own.kind = 'own_mobile' AND (own.valid_to IS NULL OR own.valid_to > now())
    WHERE tstzrange(o.valid_from, o.valid_to) @> now() AND o.rung <> 'manual'
        AND (o.ambiguous OR own.number IS NOT NULL)
)
SELECT
    q.number, q.why, calls.calls AS calls_30_days, calls.last_at,
    (
        SELECT string_agg(coalesce(p.name, c.party_id) || ' (' || c.party_id || ')', '; ' ORDER BY c.party_id)
        FROM unnest(q.candidates) AS c(party_id)
        LEFT JOIN crm_parties AS p USING (party_id)
    ) AS clients
FROM questionable AS q
CROSS JOIN LATERAL (
    SELECT count(*) AS calls, max(e.started_at) AS last_at
    FROM enriched_calls AS e
    WHERE e.number = q.number AND e.call_day > current_date - 30
) AS calls
ORDER BY calls.calls DESC, q.number
LIMIT :rows
