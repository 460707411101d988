-- A page says that it shows the card an event opened; the first page counts. No row: it is no event of this employee.
INSERT INTO switchboard.shown_cards AS known (event_id, employee_id, sent_at, shown_at)
SELECT e.event_id, e.employee_id, %(at)s, %(at)s
FROM switchboard.call_events AS e
WHERE e.event_id = %(event_id)s AND e.employee_id = %(employee_id)s AND e.kind IN ('ringing', 'answered')
ON CONFLICT (event_id, employee_id) DO UPDATE SET shown_at = coalesce(known.shown_at, excluded.shown_at)
RETURNING known.event_id
