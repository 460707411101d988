-- Calls in the history none of whose legs is there any more.
SELECT h.pbx_id, h.linkedid, h.call_day
FROM call_history AS h
WHERE h.gone_at IS NULL
    AND NOT EXISTS (
        SELECT FROM call_legs AS l
        WHERE l.pbx_id = h.pbx_id AND l.linkedid = h.linkedid AND l.gone_at IS NULL
    )
