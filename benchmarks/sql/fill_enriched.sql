-- Their owners: nobody, each number its own client.
WITH forms AS (
    INSERT INTO number_forms (raw, region, number, national_number, kind, is_international)
    SELECT DISTINCT client_number, 'RU', client_number, substr(client_number, 3), 'external', true FROM call_history
)
INSERT INTO enriched_calls (
    pbx_id, linkedid, call_day, started_at, number, candidates, number_kind, outcome
)
SELECT pbx_id, linkedid, call_day, started_at, client_number, '{}', 'external', 'unknown' FROM call_history
