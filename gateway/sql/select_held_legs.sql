-- Legs of a telephony server that are on hold now.
SELECT l.leg_id
FROM switchboard.live_legs AS l
WHERE l.pbx_id = %(pbx)s AND l.ended_at IS NULL AND l.held_at > coalesce(l.resumed_at, '-infinity')
