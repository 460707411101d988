-- Lines named in the settings; those learned from calls stay. One that is named no longer is ours no longer.
WITH lines AS (
    SELECT DISTINCT f.number
    FROM number_forms AS f
    WHERE f.raw = ANY (CAST(:raws AS text[])) AND f.region = :region AND f.kind = 'external'
), written AS (
    INSERT INTO own_numbers (number, kind, source)
    SELECT l.number, 'own_did', 'settings'
    FROM lines AS l
    LEFT JOIN own_numbers AS o USING (number)
    WHERE (o.source, o.valid_to) IS DISTINCT FROM ('settings', NULL)
    ON CONFLICT (number) DO UPDATE SET
        kind = excluded.kind, source = excluded.source, employee_id = NULL, valid_to = NULL
    RETURNING number
), ended AS (
    UPDATE own_numbers
    SET valid_to = now()
    WHERE source = 'settings' AND valid_to IS NULL AND number NOT IN (SELECT number FROM lines)
    RETURNING number
)
INSERT INTO numbers_to_relink (number)
SELECT number FROM written
UNION
SELECT number FROM ended
