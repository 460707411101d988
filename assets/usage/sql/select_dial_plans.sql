-- Versions of the sample dial plan that asked in the last month.
SELECT version FROM told_dial_plans WHERE told_at > now() - interval '31 days' ORDER BY version LIMIT 20
