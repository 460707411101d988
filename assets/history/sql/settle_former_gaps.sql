-- Holes left open that this look over the same days did not find again: they were filled meanwhile.
UPDATE history_gaps
SET state = 'restored', settled_at = now(), explanation = 'filled since'
WHERE pbx_id = :pbx_id AND call_day BETWEEN :first_day AND :last_day AND state = 'open'
    AND kind IN ('ids', 'hour', 'call', 'capped_page')
    AND (kind, subject) NOT IN (
        SELECT kind, subject FROM jsonb_to_recordset(CAST(:found AS jsonb)) AS f (kind text, subject text)
    )
