-- Numbers of documents that were never parsed in this region.
SELECT DISTINCT s.phone
FROM staged_interactions AS s
WHERE s.phone <> '' AND NOT EXISTS (SELECT FROM number_forms AS f WHERE f.raw = s.phone AND f.region = :region)
