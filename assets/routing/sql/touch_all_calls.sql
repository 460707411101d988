-- Every call, and every call there is evidence of.
INSERT INTO touched_calls (pbx_id, linkedid)
SELECT pbx_id, linkedid FROM call_history
UNION
SELECT source, source_key FROM tracked_interactions WHERE kind = 'call'
