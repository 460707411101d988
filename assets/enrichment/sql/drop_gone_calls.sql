-- Owners of touched calls that no longer exist; the history keeps them, marked gone.
DELETE FROM enriched_calls AS e
USING touched_calls AS t
WHERE e.pbx_id = t.pbx_id AND e.linkedid = t.linkedid
    AND NOT EXISTS (
        SELECT FROM call_history AS h
        WHERE h.pbx_id = t.pbx_id AND h.linkedid = t.linkedid AND h.gone_at IS NULL
    )
