-- Carry people over to their new telephone numbers, the earliest change first.
SELECT count(switchboard.change_number(change.value))
FROM (
    SELECT value FROM jsonb_array_elements(CAST(:changes AS jsonb)) AS value ORDER BY value ->> 'seen_at'
) AS change
