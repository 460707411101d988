-- Holdings we did not know of.
WITH stored AS (
    INSERT INTO employee_extensions (employee_id, extension, valid_from, valid_to)
    SELECT w.employee_id, w.extension, w.valid_from, w.valid_to
    FROM wanted_extensions AS w
    WHERE NOT EXISTS (
        SELECT FROM employee_extensions AS x
        WHERE x.employee_id = w.employee_id AND x.extension = w.extension
            AND (x.valid_from, x.valid_to) IS NOT DISTINCT FROM (w.valid_from, w.valid_to)
    )
    RETURNING *
)
INSERT INTO changed_extensions (employee_id, extension, period, is_new)
SELECT employee_id, extension, daterange(valid_from, valid_to), true FROM stored
