-- Employees with their internal numbers, one row per holding. A card knows only today's, so the days are ours:
--   on the card, held already      as it is held
--   on the card, held by nobody    from the beginning of time
--   on the card, held by somebody  from today
--   no longer on the card          until today
-- Who holds a number already comes first: a second holder is refused.
WITH employees AS (
    SELECT ref AS employee_id, name, phones
    FROM crm_cards
    WHERE source = :source AND party_id = '' AND kind = 'employee' AND gone_at IS NULL AND NOT is_deleted
), numbers AS (
    SELECT e.employee_id, n.place, f.kind, f.number, f.national_number, f.extension
    FROM employees AS e
    CROSS JOIN LATERAL unnest(e.phones) WITH ORDINALITY AS n(raw, place)
    JOIN number_forms AS f ON f.raw = n.raw AND f.region = :region
), mobiles AS (
    -- A number with an extension behind it is an office's.
    SELECT DISTINCT ON (employee_id) employee_id, number
    FROM numbers
    WHERE kind = 'external' AND extension IS NULL
    ORDER BY employee_id, place
), present AS (
    SELECT DISTINCT employee_id, national_number AS extension FROM numbers WHERE kind = 'internal'
), today AS (
    SELECT CAST(now() AT TIME ZONE :business_zone AS date) AS day
), held AS (
    SELECT
        x.employee_id, x.extension, x.valid_from, x.valid_to,
        (x.valid_to > today.day) IS NOT FALSE AS is_open
    FROM employee_extensions AS x
    JOIN employees AS e USING (employee_id)
    CROSS JOIN today
), holdings AS (
    SELECT
        h.employee_id, h.extension, h.valid_from,
        CASE WHEN h.is_open AND p.extension IS NULL THEN today.day ELSE h.valid_to END AS valid_to,
        false AS is_new
    FROM held AS h
    LEFT JOIN present AS p USING (employee_id, extension)
    CROSS JOIN today
    UNION ALL
    SELECT
        p.employee_id, p.extension,
        CASE WHEN p.extension IN (SELECT x.extension FROM employee_extensions AS x) THEN today.day END,
        NULL,
        true
    FROM present AS p
    CROSS JOIN today
    WHERE (p.employee_id, p.extension) NOT IN (SELECT h.employee_id, h.extension FROM held AS h WHERE h.is_open)
)
SELECT
    e.employee_id, e.name, '' AS department, coalesce(h.extension, '') AS extension,
    coalesce(to_char(h.valid_from, 'YYYY-MM-DD'), '') AS valid_from,
    coalesce(to_char(h.valid_to, 'YYYY-MM-DD'), '') AS valid_to,
    coalesce(m.number, '') AS mobile, '' AS employed_from, '' AS employed_until
FROM employees AS e
LEFT JOIN mobiles AS m USING (employee_id)
-- A holding that ends on the day it began was none.
LEFT JOIN holdings AS h ON h.employee_id = e.employee_id AND (h.valid_from < h.valid_to) IS NOT FALSE
ORDER BY h.is_new NULLS LAST, e.employee_id, h.extension, h.valid_from
