-- The calls of those legs.
INSERT INTO call_history (
    pbx_id, linkedid, call_day, started_at, answered_at, ended_at, direction, status, client_number, did,
    duration_seconds, talk_seconds, wait_seconds, legs, extensions, employees
)
SELECT
    pbx_id, linkedid, call_day, started_at, answered_at, ended_at, 'in', 'accepted', src_number, did, 70, 60, 10, 1,
    ARRAY[dst_extension], ARRAY['employee-' || dst_extension]
FROM call_legs
