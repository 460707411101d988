-- One row per number of a contact, with what it was recognised as. The first row counts; a further one with
-- other dates is refused, for a card holds a number once.
WITH ranked AS (
    SELECT
        s.*,
        row_number() OVER same_number AS nth,
        first_value(s.valid_from) OVER same_number AS first_from,
        first_value(s.valid_to) OVER same_number AS first_to
    FROM staged_phones AS s
    WHERE s.party_id IN (SELECT w.party_id FROM wanted_parties AS w)
    WINDOW same_number AS (PARTITION BY s.party_id, s.contact_id, s.raw ORDER BY s.row_number)
), refused AS (
    INSERT INTO refused_contacts (reason, raw, key)
    SELECT
        'the contact has this number already, with other dates',
        jsonb_build_object(
            'party_id', party_id, 'contact_id', contact_id, 'phone', raw,
            'valid_from', valid_from, 'valid_to', valid_to
        )::text,
        ''
    FROM ranked
    WHERE nth > 1 AND (valid_from, valid_to) IS DISTINCT FROM (first_from, first_to)
)
INSERT INTO wanted_phones (
    party_id, contact_id, raw, contact_name, number, national_number, kind, valid_from, valid_to
)
SELECT
    r.party_id, r.contact_id, r.raw, r.contact_name, f.number, f.national_number, f.kind,
    CAST(nullif(r.valid_from, '') AS timestamp) AT TIME ZONE :business_zone,
    CAST(nullif(r.valid_to, '') AS timestamp) AT TIME ZONE :business_zone
FROM ranked AS r
JOIN number_forms AS f ON f.raw = r.raw AND f.region = :region
WHERE r.nth = 1
