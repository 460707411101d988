-- Their events; those of a partition are of this day's.
INSERT INTO event_logs (run_id, event, dagster_event_type, "timestamp", step_key, asset_key, "partition")
SELECT e.run_id || :partition || n, e.event, e.dagster_event_type, :day, e.step_key, e.asset_key,
    CASE WHEN e."partition" IS NOT NULL THEN :partition END
FROM event_logs AS e, generate_series(1, :runs) AS n WHERE e.run_id = (SELECT run_id FROM runs WHERE pipeline_name = :job ORDER BY id LIMIT 1)
