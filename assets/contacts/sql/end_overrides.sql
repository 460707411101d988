-- Overrides of the source that are in a wanted one's way, or, where it gave all it has, that it has no longer: they are
-- superseded, and what of them still holds is kept. What has passed stays unless a wanted one says otherwise.
WITH wanted AS (
    SELECT number, range_agg(tstzrange(valid_from, valid_to)) AS periods
    FROM wanted_overrides
    GROUP BY number
), ended AS (
    UPDATE number_overrides AS o
    SET superseded_at = now()
    WHERE o.source = :source AND o.superseded_at IS NULL
        AND NOT EXISTS (
            SELECT FROM wanted_overrides AS w
            WHERE w.number = o.number
                AND (w.party_id, w.contact_id, w.valid_from, w.valid_to, w.note)
                    IS NOT DISTINCT FROM (o.party_id, o.contact_id, o.valid_from, o.valid_to, o.note)
        )
        AND (
            (:is_whole AND (o.valid_to IS NULL OR o.valid_to > now()))
            OR EXISTS (
                SELECT FROM wanted AS w
                WHERE w.number = o.number AND w.periods && tstzrange(o.valid_from, o.valid_to)
            )
        )
    RETURNING o.*
), queued AS (
    INSERT INTO numbers_to_decide (number) SELECT DISTINCT number FROM ended
)
INSERT INTO kept_overrides (number, national_number, party_id, contact_id, valid_from, valid_to, note)
SELECT e.number, e.national_number, e.party_id, e.contact_id, lower(k.period), upper(k.period), e.note
FROM ended AS e
LEFT JOIN wanted AS w USING (number)
CROSS JOIN LATERAL unnest(
    tstzmultirange(tstzrange(e.valid_from, CASE WHEN :is_whole THEN least(e.valid_to, now()) ELSE e.valid_to END))
    - coalesce(w.periods, '{}')
) AS k(period)
WHERE NOT :is_whole OR e.valid_from IS NULL OR e.valid_from < now()
