-- What time alone changes, between the last look and now: who is employed or excluded, who holds an internal
-- number, who owns a number, which evidence is still valid. Their clients are looked at again.
WITH span AS (
    SELECT
        max(verified_at) AS last_look_at,
        CAST(max(verified_at) AT TIME ZONE :business_zone AS date) AS last_look_on,
        CAST(now() AT TIME ZONE :business_zone AS date) AS today
    FROM routing_versions
), turned AS (
    SELECT e.employee_id
    FROM crm_employees AS e, span
    WHERE (e.employed_from > span.last_look_on AND e.employed_from <= span.today)
        OR (e.employed_until >= span.last_look_on AND e.employed_until < span.today)
    UNION
    SELECT x.employee_id
    FROM employee_extensions AS x, span
    WHERE (x.valid_from > span.last_look_on AND x.valid_from <= span.today)
        OR (x.valid_to > span.last_look_on AND x.valid_to <= span.today)
    UNION
    SELECT x.employee_id
    FROM routing_exclusions AS x, span
    WHERE (x.excluded_from > span.last_look_at AND x.excluded_from <= now())
        OR (x.excluded_to > span.last_look_at AND x.excluded_to <= now())
), moved AS (
    SELECT o.number, o.party_id
    FROM number_owners AS o, span
    WHERE (o.valid_from > span.last_look_at AND o.valid_from <= now())
        OR (o.valid_to > span.last_look_at AND o.valid_to <= now())
)
INSERT INTO changed_clients (client_id)
SELECT p.client_id FROM participation AS p JOIN turned USING (employee_id)
UNION
SELECT c.party_id FROM crm_parties AS c JOIN turned ON turned.employee_id = c.responsible_id
UNION
SELECT party_id FROM moved WHERE party_id IS NOT NULL
UNION
SELECT 'tel:' || number FROM moved
UNION
SELECT i.client_id
FROM tracked_interactions AS i, span
WHERE i.valid_until > span.last_look_at AND i.valid_until <= now()
