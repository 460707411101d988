-- Row ids that are missing between the legs of these days and their neighbours'.
-- Rows gone from the server are held, so they are no holes; nor is what the server was asked about and has not, nor what
-- is held of other days: a row gets its id when its call has ended, or is imported.
--   last_id   the highest id read; the end of the history, where no later day is held
WITH edges AS (
    SELECT
        (SELECT max(call_day) FROM call_legs WHERE pbx_id = :pbx_id AND call_day < :first_day) AS day_before,
        (SELECT min(call_day) FROM call_legs WHERE pbx_id = :pbx_id AND call_day > :last_day) AS day_after
), held AS (
    SELECT l.source_row_id AS row_id, l.call_day
    FROM call_legs AS l, edges AS e
    WHERE l.pbx_id = :pbx_id AND l.source_row_id IS NOT NULL
        AND l.call_day BETWEEN coalesce(e.day_before, :first_day) AND coalesce(e.day_after, :last_day)
    UNION ALL
    SELECT 0, NULL FROM edges WHERE day_before IS NULL
    UNION ALL
    SELECT CAST(:last_id AS bigint) + 1, NULL FROM edges WHERE day_after IS NULL
), followed AS (
    SELECT
        row_id, call_day,
        lead(row_id) OVER by_id AS next_id,
        lead(call_day) OVER by_id AS next_day
    FROM held
    WINDOW by_id AS (ORDER BY row_id)
), holes AS (
    SELECT
        int8range(row_id + 1, next_id) AS ids,
        least(greatest(coalesce(call_day, next_day, :first_day), :first_day), :last_day) AS call_day
    FROM followed
    WHERE next_id > row_id + 1
        AND coalesce(call_day, :first_day) <= :last_day AND coalesce(next_day, :last_day) >= :first_day
), of_other_days AS (
    -- Nothing is read here where there is no hole.
    SELECT range_agg(int8range(source_row_id, source_row_id, '[]')) AS ids
    FROM call_legs
    WHERE pbx_id = :pbx_id AND source_row_id <@ (SELECT range_merge(range_agg(ids)) FROM holes)
), missing AS (
    SELECT lower(m.ids) AS first_id, upper(m.ids) - 1 AS last_id, h.call_day
    FROM holes AS h
    CROSS JOIN of_other_days AS o
    CROSS JOIN LATERAL unnest(int8multirange(h.ids) - coalesce(o.ids, '{}')) AS m (ids)
)
SELECT first_id, last_id, call_day
FROM missing
WHERE NOT EXISTS (
    SELECT FROM history_gaps AS g
    WHERE g.pbx_id = :pbx_id AND g.kind = 'ids' AND g.state = 'empty' AND g.subject = format('%s-%s', first_id, last_id)
)
ORDER BY first_id
