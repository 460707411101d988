-- Files of these days that no leg of about their day names.
--   files   JSON array of {name, day}
SELECT f.name, f.day
FROM jsonb_to_recordset(CAST(:files AS jsonb)) AS f (name text, day date)
WHERE NOT EXISTS (
    SELECT FROM call_legs AS l
    WHERE l.pbx_id = :pbx_id AND l.call_day BETWEEN CAST(:first_day AS date) - 2 AND CAST(:last_day AS date) + 1
        AND substring(l.recording FROM '[^/]+$') = substring(f.name FROM '[^/]+$')
)
ORDER BY f.name
