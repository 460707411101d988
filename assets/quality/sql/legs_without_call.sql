-- Legs that no call of the history holds.
SELECT l.pbx_id, l.leg_id, l.linkedid, l.call_day
FROM call_legs AS l
WHERE l.gone_at IS NULL
    AND NOT EXISTS (
        SELECT FROM call_history AS h
        WHERE h.pbx_id = l.pbx_id AND h.linkedid = l.linkedid AND h.gone_at IS NULL
    )
