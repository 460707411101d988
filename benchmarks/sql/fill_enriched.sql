-- Their owners: nobody, each number its own client.
WITH forms AS (
    INSERT INTO number_forms (raw, region, number, national_number, kind)
    SELECT DISTINCT client_number, 'RU', client_number, substr(client_number, 3), 'external' FROM call_history
)
INSERT INTO enriched_calls (pbx_id, linkedid, call_day, started_at, number, candidates)
SELECT pbx_id, linkedid, call_day, started_at, client_number, '{}' FROM call_history
