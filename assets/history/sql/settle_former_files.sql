-- Recordings and files that were amiss in these days and are not any more.
UPDATE history_gaps
SET state = 'restored', settled_at = now(), explanation = 'found since, or its call is gone'
WHERE pbx_id = :pbx_id AND call_day BETWEEN :first_day AND :last_day AND state = 'open'
    AND kind IN ('recording', 'file')
    AND (kind, subject) NOT IN (
        SELECT kind, subject FROM jsonb_to_recordset(CAST(:found AS jsonb)) AS f (kind text, subject text)
    )
