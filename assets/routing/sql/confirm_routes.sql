-- The PBX has taken all rows of these clients, but for numbers that were read back and
--   differing  show somebody else: forgotten, so that they are posted again
--   lingering  should show nobody and do: kept, so that they are taken away again
WITH dropped AS (
    DELETE FROM pushed_routes AS p
    WHERE p.pbx_id = :pbx_id AND (
        p.phone_id = ANY (:differing)
        OR (
            p.client_id = ANY (:clients) AND NOT p.phone_id = ANY (:lingering)
            AND NOT EXISTS (
                SELECT FROM wanted_routes AS w WHERE w.phone_id = p.phone_id AND w.client_id = ANY (:clients)
            )
        )
    )
)
INSERT INTO pushed_routes (pbx_id, phone_id, number, client_id, client_name, employee_id)
SELECT :pbx_id, phone_id, number, client_id, client_name, employee_id
FROM wanted_routes
WHERE client_id = ANY (:clients) AND NOT phone_id = ANY (:differing)
ON CONFLICT (pbx_id, phone_id) DO UPDATE SET
    number = excluded.number, client_id = excluded.client_id, client_name = excluded.client_name,
    employee_id = excluded.employee_id, pushed_at = now()
