-- Overrides we did not know of, and what is left of those that were cut.
WITH new AS (
    SELECT number, national_number, party_id, contact_id, valid_from, valid_to, note FROM kept_overrides
    UNION ALL
    SELECT w.number, w.national_number, w.party_id, w.contact_id, w.valid_from, w.valid_to, w.note
    FROM wanted_overrides AS w
    WHERE NOT EXISTS (
        SELECT FROM number_overrides AS o
        WHERE o.source = :source AND o.superseded_at IS NULL AND o.number = w.number
            AND (o.party_id, o.contact_id, o.valid_from, o.valid_to, o.note)
                IS NOT DISTINCT FROM (w.party_id, w.contact_id, w.valid_from, w.valid_to, w.note)
    )
), stored AS (
    INSERT INTO number_overrides (source, number, national_number, party_id, contact_id, valid_from, valid_to, note)
    SELECT :source, number, national_number, party_id, contact_id, valid_from, valid_to, note FROM new
    RETURNING number
), queued AS (
    INSERT INTO numbers_to_decide (number) SELECT DISTINCT number FROM stored
)
SELECT count(*) FROM stored
