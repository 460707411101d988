-- Legs of calls of the days just read again that the server no longer has. What lies before all it gave is not
-- gone but past its retention.
WITH gone AS (
    UPDATE call_legs AS l
    SET gone_at = now()
    WHERE l.pbx_id = :pbx_id
        AND l.call_day BETWEEN :first_day AND :last_day
        AND l.gone_at IS NULL
        AND l.ended_at >= (SELECT min(s.ended_at) FROM seen_legs AS s)
        AND NOT EXISTS (SELECT FROM seen_legs AS s WHERE s.leg_id = l.leg_id)
    RETURNING l.linkedid
), touched AS (
    INSERT INTO touched_calls (pbx_id, linkedid)
    SELECT DISTINCT :pbx_id, linkedid FROM gone
)
SELECT count(*) FROM gone
