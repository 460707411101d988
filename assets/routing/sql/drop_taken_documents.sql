-- Touched documents need not wait in the queue any more: their evidence has just been made.
DELETE FROM changed_documents AS q
USING touched_documents AS t
WHERE (q.source, q.entity_set, q.document_id) = (t.source, t.entity_set, t.document_id)
