-- Calls and clients that changed after the routing table was last brought up to date.
SELECT 'call' AS what, q.linkedid AS changed, h.call_day
FROM changed_calls AS q
LEFT JOIN call_history AS h USING (pbx_id, linkedid)
UNION ALL
SELECT 'client', client_id, NULL
FROM changed_clients
