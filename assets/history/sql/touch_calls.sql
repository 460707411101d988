-- Calls to be grouped anew from the legs that are held.
INSERT INTO touched_calls (pbx_id, linkedid)
SELECT :pbx_id, linkedid FROM unnest(CAST(:linkedids AS text[])) AS l (linkedid)
