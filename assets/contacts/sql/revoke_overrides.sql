-- What was set by hand about a number holds until `since`, -infinity being never; the number is decided anew.
WITH ended AS (
    UPDATE number_overrides AS o
    SET superseded_at = now()
    WHERE o.source = :source AND o.number = :number AND o.superseded_at IS NULL
        AND (o.valid_to IS NULL OR o.valid_to > CAST(:since AS timestamptz))
    RETURNING o.*
), queued AS (
    INSERT INTO numbers_to_decide (number) SELECT DISTINCT number FROM ended
)
INSERT INTO kept_overrides (number, national_number, party_id, contact_id, valid_from, valid_to, note)
SELECT number, national_number, party_id, contact_id, valid_from, least(valid_to, CAST(:since AS timestamptz)), note
FROM ended
WHERE coalesce(valid_from, '-infinity') < CAST(:since AS timestamptz)
