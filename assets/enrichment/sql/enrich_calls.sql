-- The touched calls with their owner as of their start; only rows that come out different are written.
WITH changed AS (
    SELECT o.*
    FROM call_owners(CAST(:regions AS jsonb)) AS o
    LEFT JOIN enriched_calls AS e USING (pbx_id, linkedid)
    WHERE (o.pbx_id, o.linkedid) IN (SELECT t.pbx_id, t.linkedid FROM touched_calls AS t)
        AND (
            e.pbx_id IS NULL
            OR (
                e.call_day, e.started_at, e.number, e.party_id, e.contact_id, e.rung, e.candidates,
                e.responsible_id
            ) IS DISTINCT FROM (
                o.call_day, o.started_at, o.number, o.party_id, o.contact_id, o.rung, o.candidates,
                o.responsible_id
            )
        )
)
INSERT INTO enriched_calls (
    pbx_id, linkedid, call_day, started_at, number, party_id, contact_id, rung, candidates, responsible_id
)
SELECT
    pbx_id, linkedid, call_day, started_at, number, party_id, contact_id, rung, candidates, responsible_id
FROM changed
ON CONFLICT (pbx_id, linkedid) DO UPDATE SET
    call_day = excluded.call_day, started_at = excluded.started_at, number = excluded.number,
    party_id = excluded.party_id, contact_id = excluded.contact_id, rung = excluded.rung,
    candidates = excluded.candidates, responsible_id = excluded.responsible_id
