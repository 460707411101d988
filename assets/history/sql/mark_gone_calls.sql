-- Touched calls that have no leg left.
UPDATE call_history AS h
SET gone_at = now(), first_contact = false, needs_attention = false
FROM touched_calls AS t
WHERE h.pbx_id = t.pbx_id AND h.linkedid = t.linkedid AND h.gone_at IS NULL
    AND NOT EXISTS (
        SELECT FROM call_legs AS l
        WHERE l.pbx_id = t.pbx_id AND l.linkedid = t.linkedid AND l.gone_at IS NULL
    )
