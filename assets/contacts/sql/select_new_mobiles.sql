-- Mobiles of a source's employees that were never parsed in this region.
SELECT DISTINCT e.mobile
FROM crm_employees AS e
WHERE e.source = :source AND e.mobile IS NOT NULL
    AND NOT EXISTS (SELECT FROM number_forms AS f WHERE f.raw = e.mobile AND f.region = :region)
