-- A list made what its source says: only differences are written, what is missing is marked gone, and the calls of
-- numbers whose listing changed are to be looked at again. A number that stands twice counts as its last row says.
WITH wanted AS (
    SELECT DISTINCT ON (f.number)
        f.number, s.kind, s.note,
        CAST(nullif(s.expires_on, '') AS timestamp) AT TIME ZONE :business_zone AS expires_at
    FROM staged_listed AS s
    JOIN number_forms AS f ON f.raw = s.raw AND f.region = :region AND f.kind = 'external'
    ORDER BY f.number, s.row_number DESC
), compared AS (
    SELECT
        w.*,
        l.number IS NULL AS is_new,
        l.number IS NULL OR l.gone_at IS NOT NULL
            OR (l.kind, l.expires_at) IS DISTINCT FROM (w.kind, w.expires_at) AS alters_calls,
        l.note IS DISTINCT FROM w.note AS is_described_anew
    FROM wanted AS w
    LEFT JOIN listed_numbers AS l ON l.source = :source AND l.number = w.number
), written AS (
    INSERT INTO listed_numbers (source, number, kind, note, expires_at)
    SELECT :source, number, kind, note, expires_at
    FROM compared
    WHERE alters_calls OR is_described_anew
    ON CONFLICT (source, number) DO UPDATE SET
        kind = excluded.kind, note = excluded.note, expires_at = excluded.expires_at, gone_at = NULL,
        listed_at = CASE WHEN listed_numbers.gone_at IS NULL THEN listed_numbers.listed_at ELSE now() END
), gone AS (
    UPDATE listed_numbers AS l
    SET gone_at = now()
    WHERE l.source = :source AND l.gone_at IS NULL AND l.number NOT IN (SELECT number FROM wanted)
        AND l.number NOT IN (
            SELECT f.number
            FROM refused_contacts AS r
            JOIN number_forms AS f ON f.raw = r.key AND f.region = :region
            WHERE f.number IS NOT NULL
        )
    RETURNING l.number
), queued AS (
    INSERT INTO numbers_to_relink (number)
    SELECT number FROM compared WHERE alters_calls
    UNION
    SELECT number FROM gone
)
SELECT
    count(*) FILTER (WHERE is_new) AS new,
    count(*) FILTER (WHERE NOT is_new AND (alters_calls OR is_described_anew)) AS changed,
    (SELECT count(*) FROM gone) AS gone,
    count(*) FILTER (WHERE NOT (alters_calls OR is_described_anew)) AS unchanged
FROM compared
