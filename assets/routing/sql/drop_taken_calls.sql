-- Touched calls need not wait in the queue any more: their evidence has just been made.
DELETE FROM changed_calls AS q
USING touched_calls AS t
WHERE q.pbx_id = t.pbx_id AND q.linkedid = t.linkedid
