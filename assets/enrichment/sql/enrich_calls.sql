-- The touched calls with their owner as of their start; only rows that come out different are written, and
-- rows of calls that are no more go (the history keeps those, marked gone).
WITH compared AS MATERIALIZED (
    SELECT
        t.pbx_id, t.linkedid, o.call_day, o.started_at, o.number, o.party_id, o.contact_id, o.rung, o.candidates,
        o.responsible_id, o.number_kind, o.outcome, o.listed_as,
        CASE WHEN o.pbx_id IS NULL THEN 'gone' WHEN e.pbx_id IS NULL THEN 'new' ELSE 'changed' END AS becomes
    FROM (SELECT DISTINCT pbx_id, linkedid FROM touched_calls) AS t
    LEFT JOIN call_owners(
        CAST(:regions AS jsonb), CAST(:tail_digits AS integer), CAST(:as_of AS timestamptz)
    ) AS o USING (pbx_id, linkedid)
    LEFT JOIN enriched_calls AS e USING (pbx_id, linkedid)
    WHERE (
        e.pbx_id, e.call_day, e.started_at, e.number, e.party_id, e.contact_id, e.rung, e.candidates,
        e.responsible_id, e.number_kind, e.outcome, e.listed_as
    ) IS DISTINCT FROM (
        o.pbx_id, o.call_day, o.started_at, o.number, o.party_id, o.contact_id, o.rung, o.candidates,
        o.responsible_id, o.number_kind, o.outcome, o.listed_as
    )
), dropped AS (
    DELETE FROM enriched_calls AS e
    USING compared AS c
    WHERE c.becomes = 'gone' AND e.pbx_id = c.pbx_id AND e.linkedid = c.linkedid
), updated AS (
    UPDATE enriched_calls AS e
    SET call_day = c.call_day, started_at = c.started_at, number = c.number, party_id = c.party_id,
        contact_id = c.contact_id, rung = c.rung, candidates = c.candidates, responsible_id = c.responsible_id,
        number_kind = c.number_kind, outcome = c.outcome, listed_as = c.listed_as
    FROM compared AS c
    WHERE c.becomes = 'changed' AND e.pbx_id = c.pbx_id AND e.linkedid = c.linkedid
), inserted AS (
    INSERT INTO enriched_calls (
        pbx_id, linkedid, call_day, started_at, number, party_id, contact_id, rung, candidates, responsible_id,
        number_kind, outcome, listed_as
    )
    SELECT
        pbx_id, linkedid, call_day, started_at, number, party_id, contact_id, rung, candidates, responsible_id,
        number_kind, outcome, listed_as
    FROM compared
    WHERE becomes = 'new'
)
SELECT count(*) FROM compared
