-- Each touched call once, under a number.
INSERT INTO numbered_calls (call_no, pbx_id, linkedid)
SELECT row_number() OVER (), pbx_id, linkedid
FROM (SELECT DISTINCT pbx_id, linkedid FROM touched_calls) AS t
