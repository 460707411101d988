-- Rows that were left out, with the reason.
INSERT INTO refused_contacts (reason, raw, key)
SELECT
    CASE
        WHEN f.kind IS DISTINCT FROM 'external' THEN 'the number is no subscriber number with country code or area code'
        WHEN s.party_id <> '' AND NOT EXISTS (SELECT FROM crm_parties AS p WHERE p.party_id = s.party_id)
            THEN 'no such party is known'
        WHEN s.valid_to <> '' AND CAST(s.valid_to AS timestamp) AT TIME ZONE :business_zone <= now()
            AND s.valid_from = '' AND NOT s.is_retroactive
            THEN 'it ended before it began: name its first day, or make it retroactive'
        ELSE 'the number is assigned by hand at that time already'
    END,
    (to_jsonb(s) - 'row_number')::text,
    ''
FROM staged_overrides AS s
LEFT JOIN number_forms AS f ON f.raw = s.raw AND f.region = :region
WHERE s.row_number NOT IN (SELECT w.row_number FROM wanted_overrides AS w)
