-- Calls of the history that were not given their owner, filled or empty.
SELECT h.pbx_id, h.linkedid, h.call_day
FROM call_history AS h
WHERE h.gone_at IS NULL
    AND NOT EXISTS (SELECT FROM enriched_calls AS e WHERE e.pbx_id = h.pbx_id AND e.linkedid = h.linkedid)
