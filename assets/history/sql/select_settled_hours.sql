-- Hours whose difference was looked into and is no loss; the same numbers need no second look.
SELECT subject, source_rows, held_rows
FROM history_gaps
WHERE pbx_id = :pbx_id AND kind = 'hour' AND state = 'empty' AND call_day BETWEEN :first_day AND :last_day
