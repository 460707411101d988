-- The evidence of those calls.
INSERT INTO tracked_interactions (
    kind, source, source_key, employee_id, interaction_day, at, client_id, number, direction, role, talk_seconds, weight
)
SELECT
    'call', pbx_id, linkedid, employees[1], call_day, started_at, 'tel:' || client_number, client_number, 'in',
    'talker', 60, 1.098612
FROM call_history
