-- Keep what a telephony server sent; where its switch is on, also take in the events that it tells of.
--   source   the door it came through
--   subject  as it came
--   data     JSON, as it came
--   pbx, zone, events  as switchboard.store_call_events takes them
WITH kept AS (
    INSERT INTO switchboard.received_events AS known (source, subject, data)
    VALUES (%(source)s, %(subject)s, CAST(%(data)s AS jsonb))
    ON CONFLICT (source, subject, data_hash) DO UPDATE SET times_seen = known.times_seen + 1
), switch AS MATERIALIZED (
    SELECT coalesce((SELECT s.is_on FROM switchboard.switches AS s WHERE s.name = 'call_events_other'), true) AS is_on
)
SELECT
    switch.is_on,
    CASE
        WHEN switch.is_on
            THEN switchboard.store_call_events(%(pbx)s, 'webhook', %(zone)s, CAST(%(events)s AS jsonb))
        ELSE 0
    END AS stored
FROM switch
