-- Their tags.
INSERT INTO run_tags (run_id, key, value)
SELECT t.run_id || :partition || n, t.key, t.value
FROM run_tags AS t, generate_series(1, :runs) AS n WHERE t.run_id = (SELECT run_id FROM runs WHERE pipeline_name = :job ORDER BY id LIMIT 1)
