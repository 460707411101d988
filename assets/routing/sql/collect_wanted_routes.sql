-- Who is responsible by the table that answers, as a PBX should know it: one row per number of ten last digits, and
-- nobody whom it cannot ring.
-- Of two numbers that end alike the PBX can keep one: the one whose client comes first by id.
--   interception  off: nobody; crm_attribute: only whom the CRM names; automatic: anybody
INSERT INTO wanted_routes (phone_id, number, client_id, client_name, employee_id)
SELECT DISTINCT ON (right(regexp_replace(r.number, '\D', '', 'g'), 10))
    right(regexp_replace(r.number, '\D', '', 'g'), 10), r.number, r.client_id, coalesce(r.party_name, ''), r.employee_id
FROM published_routing AS live
JOIN routing_table AS r
    ON r.version <= live.version AND (r.until_version IS NULL OR r.until_version > live.version)
JOIN wanted_users AS u USING (employee_id)
WHERE r.rank = 1 AND r.is_responsible AND r.number ~ '\d'
    AND (:interception = 'automatic' OR (:interception = 'crm_attribute' AND r.reason = 'crm_owner'))
ORDER BY right(regexp_replace(r.number, '\D', '', 'g'), 10), r.client_id, r.number
