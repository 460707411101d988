-- Files of a day that no leg names.
SELECT f.name
FROM jsonb_to_recordset(CAST(:files AS jsonb)) AS f (name text, size_bytes bigint)
WHERE NOT EXISTS (
    SELECT FROM call_legs AS l
    WHERE l.pbx_id = :pbx_id AND l.call_day BETWEEN CAST(:day AS date) - 2 AND CAST(:day AS date) + 1
        AND substring(l.recording FROM '[^/]+$') = substring(f.name FROM '[^/]+$')
)
ORDER BY f.name
