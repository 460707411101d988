-- Copies of a job's first run.
INSERT INTO runs (run_id, snapshot_id, pipeline_name, mode, status, run_body, create_timestamp, update_timestamp,
    start_time, end_time)
SELECT r.run_id || :partition || n, r.snapshot_id, r.pipeline_name, r.mode, r.status, r.run_body, :day, :day,
    r.start_time, r.end_time
FROM runs AS r, generate_series(1, :runs) AS n WHERE r.run_id = (SELECT run_id FROM runs WHERE pipeline_name = :job ORDER BY id LIMIT 1)
