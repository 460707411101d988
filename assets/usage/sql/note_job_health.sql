-- How the jobs go now.
--   health  [{job, succeeded, failed, last_success_at}]
INSERT INTO job_health (job, succeeded, failed, last_success_at)
SELECT job, succeeded, failed, last_success_at
FROM jsonb_to_recordset(CAST(:health AS jsonb)) AS h (
    job text, succeeded integer, failed integer, last_success_at timestamptz
)
ON CONFLICT (job) DO UPDATE SET
    succeeded = excluded.succeeded, failed = excluded.failed,
    last_success_at = coalesce(excluded.last_success_at, job_health.last_success_at), noted_at = now()
