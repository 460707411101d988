-- Overrides of a source in the order of its rows: of two for one number at one time the first counts. Without a first
-- day one holds from where it holds already, else from now; a retroactive one from the beginning of time.
WITH other_sources AS (
    SELECT number, range_agg(tstzrange(valid_from, valid_to)) AS periods
    FROM number_overrides
    WHERE superseded_at IS NULL AND source <> :source
    GROUP BY number
), dated AS (
    SELECT
        s.*, f.number, f.national_number,
        nullif(s.party_id, '') AS wanted_party, nullif(s.contact_id, '') AS wanted_contact,
        CASE
            WHEN s.is_retroactive THEN NULL
            WHEN s.valid_from <> '' THEN CAST(s.valid_from AS timestamp) AT TIME ZONE :business_zone
            WHEN held.override_id IS NOT NULL THEN held.valid_from
            ELSE now()
        END AS starts_at,
        CAST(nullif(s.valid_to, '') AS timestamp) AT TIME ZONE :business_zone AS ends_at
    FROM staged_overrides AS s
    JOIN number_forms AS f ON f.raw = s.raw AND f.region = :region AND f.kind = 'external'
    LEFT JOIN number_overrides AS held
        ON held.number = f.number AND held.source = :source AND held.superseded_at IS NULL
        AND (held.party_id, held.contact_id)
            IS NOT DISTINCT FROM (nullif(s.party_id, ''), nullif(s.contact_id, ''))
        AND tstzrange(held.valid_from, held.valid_to) @> now()
), possible AS MATERIALIZED (
    -- Before any range is made of them.
    SELECT * FROM dated WHERE starts_at IS NULL OR ends_at IS NULL OR starts_at < ends_at
)
INSERT INTO wanted_overrides (
    row_number, number, national_number, party_id, contact_id, valid_from, valid_to, note
)
SELECT d.row_number, d.number, d.national_number, d.wanted_party, d.wanted_contact, d.starts_at, d.ends_at, d.note
FROM possible AS d
LEFT JOIN other_sources AS o USING (number)
WHERE (d.wanted_party IS NULL OR EXISTS (SELECT FROM crm_parties AS p WHERE p.party_id = d.wanted_party))
    AND NOT coalesce(o.periods && tstzrange(d.starts_at, d.ends_at), false)
ORDER BY d.row_number
ON CONFLICT DO NOTHING
