-- Numbers of overrides that were never parsed in this region.
SELECT DISTINCT s.raw
FROM staged_overrides AS s
WHERE NOT EXISTS (SELECT FROM number_forms AS f WHERE f.raw = s.raw AND f.region = :region)
