-- Holdings that are no longer said to be.
WITH dropped AS (
    DELETE FROM employee_extensions AS x
    WHERE NOT EXISTS (
        SELECT FROM wanted_extensions AS w
        WHERE w.employee_id = x.employee_id AND w.extension = x.extension
            AND (w.valid_from, w.valid_to) IS NOT DISTINCT FROM (x.valid_from, x.valid_to)
    )
    RETURNING x.*
)
INSERT INTO changed_extensions (employee_id, extension, period, is_new)
SELECT employee_id, extension, daterange(valid_from, valid_to), false FROM dropped
