-- Who gets another responsible if one version takes another's place; only numbers that changed between are read.
--   from_version  what answers now; NULL is nothing
--   to_version    what would answer
WITH changed AS (
    SELECT number FROM routing_table
    WHERE version > least(coalesce(:from_version, 0), :to_version)
        AND version <= greatest(coalesce(:from_version, 0), :to_version)
    UNION
    SELECT number FROM routing_table
    WHERE until_version > least(coalesce(:from_version, 0), :to_version)
        AND until_version <= greatest(coalesce(:from_version, 0), :to_version)
), first_ones AS (
    SELECT r.number, r.client_id, r.party_name, r.employee_id, r.employee_name, r.version, r.until_version
    FROM routing_table AS r
    JOIN changed AS c USING (number)
    WHERE r.rank = 1 AND r.is_responsible
), turned AS (
    SELECT
        coalesce(after.client_id, before.client_id) AS client_id,
        coalesce(after.party_name, before.party_name) AS party_name,
        before.employee_id AS from_id, before.employee_name AS from_name,
        after.employee_id AS to_id, after.employee_name AS to_name
    FROM (
        SELECT * FROM first_ones
        WHERE version <= :from_version AND (until_version IS NULL OR until_version > :from_version)
    ) AS before
    FULL JOIN (
        SELECT * FROM first_ones
        WHERE version <= :to_version AND (until_version IS NULL OR until_version > :to_version)
    ) AS after USING (number)
    WHERE before.employee_id IS DISTINCT FROM after.employee_id
), employees AS (
    SELECT employee_id, max(employee_name) AS name, sum(gained) AS gains, sum(lost) AS loses
    FROM (
        SELECT to_id AS employee_id, to_name AS employee_name, count(DISTINCT client_id) AS gained, 0 AS lost
        FROM turned WHERE to_id IS NOT NULL GROUP BY to_id, to_name
        UNION ALL
        SELECT from_id, from_name, 0, count(DISTINCT client_id)
        FROM turned WHERE from_id IS NOT NULL GROUP BY from_id, from_name
    ) AS each
    GROUP BY employee_id
)
SELECT
    (
        SELECT count(DISTINCT r.client_id) FROM routing_table AS r
        WHERE r.rank = 1 AND r.is_responsible AND r.version <= :from_version
            AND (r.until_version IS NULL OR r.until_version > :from_version)
    ) AS clients_before,
    (SELECT count(DISTINCT client_id) FROM turned WHERE from_id IS NOT NULL AND to_id IS NOT NULL) AS changed,
    (SELECT count(DISTINCT client_id) FROM turned WHERE from_id IS NOT NULL AND to_id IS NULL) AS lost,
    (SELECT count(DISTINCT client_id) FROM turned WHERE from_id IS NULL) AS gained,
    (
        SELECT coalesce(jsonb_agg(
            jsonb_build_object('employee_id', employee_id, 'name', name, 'gains', gains, 'loses', loses)
            ORDER BY gains + loses DESC, employee_id
        ), '[]')
        FROM employees
    ) AS employees,
    (
        SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]')
        FROM (
            SELECT DISTINCT client_id, party_name, from_name, to_name FROM turned
            ORDER BY client_id, from_name, to_name
            LIMIT 20
        ) AS s
    ) AS some
