-- Each employee's part in the work with a client; the columns of our table.
CREATE OR REPLACE TABLE participation AS
WITH evidence AS (
    SELECT *, max("at") OVER (PARTITION BY client_id, employee_id) AS last_at
    FROM tracked_interactions
    WHERE weight > 0
)
SELECT
    client_id, employee_id, max(party_id) AS party_id,
    CASE WHEN max(party_id) IS NULL THEN max(number) END AS number,
    round(
        log2(sum(weight * pow(2.0, epoch("at" - last_at) / getvariable('half_life_seconds'))))
        + epoch(max("at") - TIMESTAMPTZ '2020-01-01 00:00:00+00') / getvariable('half_life_seconds'), 6
    ) AS log_score,
    count(*)::integer AS interactions, sum(talk_seconds)::bigint AS talk_seconds,
    min("at") AS first_at, max("at") AS last_at
FROM evidence
GROUP BY client_id, employee_id
