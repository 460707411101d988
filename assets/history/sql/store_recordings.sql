-- The recording of each leg of these days in which somebody talked, as its row tells.
--   names_what_exists   whether the server names a file only while it exists
--   is_expected         whether every talk is recorded there, so that a talk without a file lacks one
--   pending_seconds     how long after the call's end its file may be in the making
WITH talks AS (
    SELECT
        l.leg_id, l.linkedid, l.call_day, l.recording AS file,
        l.ended_at > now() - make_interval(secs => :pending_seconds) AS is_fresh
    FROM call_legs AS l
    WHERE l.pbx_id = :pbx_id AND l.call_day BETWEEN :first_day AND :last_day
        AND l.talk_seconds > 0 AND l.gone_at IS NULL
), seen AS (
    SELECT
        t.leg_id, t.linkedid, t.call_day, coalesce(t.file, r.file) AS file,
        CASE
            WHEN t.file IS NOT NULL AND :names_what_exists THEN 'available'
            WHEN t.file IS NOT NULL AND r.file = t.file AND r.state IN ('available', 'missing') THEN r.state
            WHEN t.file IS NOT NULL THEN 'named'
            WHEN t.is_fresh THEN 'pending'
            WHEN r.file IS NOT NULL OR :is_expected THEN 'missing'
            ELSE 'none'
        END AS state
    FROM talks AS t
    LEFT JOIN recordings AS r ON r.pbx_id = :pbx_id AND r.leg_id = t.leg_id
), of_gone_legs AS (
    -- Their files are nobody's to miss.
    DELETE FROM recordings AS r
    USING call_legs AS l
    WHERE r.pbx_id = :pbx_id AND r.call_day BETWEEN :first_day AND :last_day
        AND l.pbx_id = r.pbx_id AND l.leg_id = r.leg_id AND (l.gone_at IS NOT NULL OR l.talk_seconds = 0)
)
INSERT INTO recordings AS r (pbx_id, leg_id, linkedid, call_day, state, file)
SELECT :pbx_id, leg_id, linkedid, call_day, state, file FROM seen
ON CONFLICT (pbx_id, leg_id) DO UPDATE
SET linkedid = excluded.linkedid, call_day = excluded.call_day, state = excluded.state, file = excluded.file,
    checked_at = now()
WHERE (r.linkedid, r.call_day, r.state, r.file)
    IS DISTINCT FROM (excluded.linkedid, excluded.call_day, excluded.state, excluded.file)
