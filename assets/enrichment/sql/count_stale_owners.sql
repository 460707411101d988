-- Calls of these days whose stored owner is not what the tables say now: a look, nothing is written.
SELECT
    count(*) AS calls,
    count(*) FILTER (
        WHERE e.pbx_id IS NULL
            OR (
                e.number, e.party_id, e.contact_id, e.rung, e.candidates, e.responsible_id, e.number_kind, e.outcome,
                e.listed_as
            ) IS DISTINCT FROM (
                o.number, o.party_id, o.contact_id, o.rung, o.candidates, o.responsible_id, o.number_kind, o.outcome,
                o.listed_as
            )
    ) AS stale
FROM call_owners(CAST(:regions AS jsonb), CAST(:tail_digits AS integer)) AS o
LEFT JOIN enriched_calls AS e USING (pbx_id, linkedid)
WHERE o.call_day BETWEEN :first_day AND :last_day
