-- Keep what an audit found: one row per hole, as it was last seen. What came back before stays counted.
--   found   JSON array of rows
INSERT INTO history_gaps AS g (
    pbx_id, kind, subject, call_day, rows_missing, rows_restored, source_rows, held_rows, state, explanation, settled_at
)
SELECT
    :pbx_id, kind, subject, call_day, rows_missing, rows_restored, source_rows, held_rows, state, explanation,
    CASE WHEN state <> 'open' THEN now() END
FROM jsonb_to_recordset(CAST(:found AS jsonb)) AS f (
    kind text, subject text, call_day date, rows_missing integer, rows_restored integer, source_rows integer,
    held_rows integer, state text, explanation text
)
ON CONFLICT (pbx_id, kind, subject) DO UPDATE
SET call_day = excluded.call_day, rows_missing = excluded.rows_missing,
    rows_restored = g.rows_restored + excluded.rows_restored, source_rows = excluded.source_rows,
    held_rows = excluded.held_rows, state = excluded.state, explanation = excluded.explanation,
    found_at = now(), settled_at = excluded.settled_at
