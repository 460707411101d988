-- Rows of a list whose number cannot be compared with a caller's.
INSERT INTO refused_contacts (reason, raw, key)
SELECT 'the number is no subscriber number with country code or area code', (to_jsonb(s) - 'row_number')::text, ''
FROM staged_listed AS s
LEFT JOIN number_forms AS f ON f.raw = s.raw AND f.region = :region
WHERE f.kind IS DISTINCT FROM 'external'
