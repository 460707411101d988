-- The routing has not yet taken these calls in.
INSERT INTO changed_calls (pbx_id, linkedid)
SELECT DISTINCT pbx_id, linkedid FROM touched_calls
