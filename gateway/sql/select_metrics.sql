-- The figures of this installation: name, labels and value of each.
SELECT 'objects' AS name, jsonb_build_object('kind', c.name) AS labels, CAST(c.amount AS double precision) AS value
FROM switchboard.object_counts AS c
UNION ALL
SELECT 'job_runs_7d', jsonb_build_object('job', h.job, 'outcome', o.outcome), o.runs
FROM switchboard.job_health AS h
CROSS JOIN LATERAL (VALUES ('succeeded', h.succeeded), ('failed', h.failed)) AS o (outcome, runs)
UNION ALL
SELECT 'job_last_success_timestamp_seconds', jsonb_build_object('job', h.job), extract(epoch FROM h.last_success_at)
FROM switchboard.job_health AS h
WHERE h.last_success_at IS NOT NULL
UNION ALL
SELECT 'dial_plan_told_timestamp_seconds', jsonb_build_object('version', CAST(p.version AS text)), extract(epoch FROM p.told_at)
FROM switchboard.told_dial_plans AS p
UNION ALL
SELECT 'outbox', jsonb_build_object('account', o.account, 'state', o.state), count(*)
FROM switchboard.outbox AS o
WHERE o.state <> 'accepted'
GROUP BY o.account, o.state
UNION ALL
SELECT 'switch', jsonb_build_object('name', s.name), CAST(s.is_on AS integer)
FROM switchboard.switches AS s
