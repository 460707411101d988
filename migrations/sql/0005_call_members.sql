-- Who takes or took part in a call: whoever had a leg of it. They may see it; nobody else but supervisors may.
CREATE VIEW switchboard.call_members AS
SELECT pbx_id, linkedid, employee_id FROM switchboard.call_events WHERE employee_id IS NOT NULL
UNION
SELECT pbx_id, linkedid, employee_id FROM switchboard.live_legs WHERE employee_id IS NOT NULL
