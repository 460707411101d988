-- All legs of a call carry the day of its earliest leg, also those after midnight.
UPDATE call_legs AS l
SET call_day = g.call_day
FROM grouped_calls AS g
WHERE g.has_other_leg_days AND l.pbx_id = g.pbx_id AND l.linkedid = g.linkedid AND l.call_day <> g.call_day
