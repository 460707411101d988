-- An event that opens a card went to a page of the employee; the first page counts.
INSERT INTO switchboard.shown_cards AS known (event_id, employee_id, sent_at)
VALUES (%(event_id)s, %(employee_id)s, %(at)s)
ON CONFLICT (event_id, employee_id) DO UPDATE SET sent_at = least(known.sent_at, excluded.sent_at)
