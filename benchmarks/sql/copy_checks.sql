-- Their results of checks.
INSERT INTO asset_check_executions (asset_key, check_name, run_id, execution_status, evaluation_event,
    evaluation_event_timestamp)
SELECT c.asset_key, c.check_name, c.run_id || :partition || n, c.execution_status, c.evaluation_event, :day
FROM asset_check_executions AS c, generate_series(1, :runs) AS n WHERE c.run_id = (SELECT run_id FROM runs WHERE pipeline_name = :job ORDER BY id LIMIT 1)
