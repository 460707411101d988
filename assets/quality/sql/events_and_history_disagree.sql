SELECT call_day, pbx_id, linkedid, began_at, finding
FROM call_events_reconciliation
WHERE explanation = '' AND call_day >= (now() AT TIME ZONE :business_zone)::date - 7
