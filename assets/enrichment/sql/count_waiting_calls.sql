-- Calls of these days that nobody has looked up yet, or whose number waits to be looked at again and has another owner
-- than the call bears. A look, nothing is written; it costs by the days and by what waits, not by what is stored.
WITH suspects AS (
    SELECT h.pbx_id, h.linkedid
    FROM call_history AS h
    LEFT JOIN enriched_calls AS e
        ON e.pbx_id = h.pbx_id AND e.linkedid = h.linkedid AND e.call_day BETWEEN :first_day AND :last_day
        -- An earlier version noted no outcome.
        AND e.outcome IS NOT NULL
    WHERE h.call_day BETWEEN :first_day AND :last_day AND h.gone_at IS NULL AND e.pbx_id IS NULL
    UNION
    SELECT e.pbx_id, e.linkedid
    FROM (SELECT DISTINCT number FROM numbers_to_relink) AS q
    JOIN enriched_calls AS e ON e.number = q.number AND e.call_day BETWEEN :first_day AND :last_day
)
SELECT
    (SELECT count(*) FROM call_history WHERE call_day BETWEEN :first_day AND :last_day AND gone_at IS NULL) AS calls,
    (
        SELECT count(*)
        FROM suspects AS s
        JOIN call_owners(CAST(:regions AS jsonb), CAST(:tail_digits AS integer)) AS o USING (pbx_id, linkedid)
        LEFT JOIN enriched_calls AS e USING (pbx_id, linkedid)
        WHERE e.pbx_id IS NULL
            OR (
                e.number, e.party_id, e.contact_id, e.rung, e.candidates, e.responsible_id, e.number_kind, e.outcome,
                e.listed_as
            ) IS DISTINCT FROM (
                o.number, o.party_id, o.contact_id, o.rung, o.candidates, o.responsible_id, o.number_kind, o.outcome,
                o.listed_as
            )
    ) AS waiting
