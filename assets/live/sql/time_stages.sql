-- From the ring to the card, stage by stage, in milliseconds: events of a day that opened somebody's card.
-- The source's time is by its own clock: a difference of the clocks is in the first stage.
--   day            the business day
--   business_zone  IANA name
WITH shown AS (
    SELECT e.source_at, e.received_at, e.stored_at, s.sent_at, s.shown_at
    FROM call_events AS e
    JOIN shown_cards AS s USING (event_id)
    WHERE e.received_at >= CAST(:day AS date)::timestamp AT TIME ZONE :business_zone
        AND e.received_at < (CAST(:day AS date) + 1)::timestamp AT TIME ZONE :business_zone
)
SELECT
    stage, count(took) AS cards,
    1000 * percentile_cont(0.50) WITHIN GROUP (ORDER BY took) AS p50,
    1000 * percentile_cont(0.95) WITHIN GROUP (ORDER BY took) AS p95,
    1000 * percentile_cont(0.99) WITHIN GROUP (ORDER BY took) AS p99
FROM shown
CROSS JOIN LATERAL (VALUES
    (1, 'source to received', extract(epoch FROM received_at - source_at)),
    (2, 'received to stored', extract(epoch FROM stored_at - received_at)),
    (3, 'stored to sent', extract(epoch FROM sent_at - stored_at)),
    (4, 'sent to shown', extract(epoch FROM shown_at - sent_at)),
    (5, 'ring to card', extract(epoch FROM shown_at - coalesce(source_at, received_at)))
) AS stages (position, stage, took)
GROUP BY position, stage
HAVING count(took) > 0
ORDER BY position
