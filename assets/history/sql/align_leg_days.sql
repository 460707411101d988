-- All legs of a call carry the day of its earliest leg, also those after midnight.
UPDATE call_legs AS l
SET call_day = h.call_day
FROM call_history AS h
WHERE (h.pbx_id, h.linkedid) IN (SELECT t.pbx_id, t.linkedid FROM touched_calls AS t)
    AND l.pbx_id = h.pbx_id AND l.linkedid = h.linkedid AND l.call_day <> h.call_day
