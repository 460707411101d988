-- What a day's reconciliation found.
--   day            the business day
--   business_zone  IANA name
SELECT
    (SELECT count(*) FROM call_history WHERE call_day = :day AND gone_at IS NULL) AS calls,
    (
        SELECT count(DISTINCT (pbx_id, linkedid)) FROM live_legs
        WHERE began_at >= CAST(:day AS date)::timestamp AT TIME ZONE :business_zone
            AND began_at < (CAST(:day AS date) + 1)::timestamp AT TIME ZONE :business_zone
    ) AS calls_with_events,
    count(*) FILTER (WHERE finding = 'call_without_events' AND explanation = '') AS calls_without_events,
    count(*) FILTER (WHERE finding = 'call_without_events' AND explanation <> '') AS calls_not_listened_to,
    count(*) FILTER (WHERE finding = 'events_without_call' AND explanation = '') AS events_without_call,
    count(*) FILTER (WHERE finding = 'end_missing' AND explanation = '') AS ends_missing,
    count(*) FILTER (WHERE finding <> 'call_without_events' AND explanation <> '') AS others_explained,
    (
        SELECT count(*) FROM event_gaps
        WHERE ended_at >= CAST(:day AS date)::timestamp AT TIME ZONE :business_zone
            AND began_at < (CAST(:day AS date) + 1)::timestamp AT TIME ZONE :business_zone
    ) AS gaps
FROM call_events_reconciliation
WHERE call_day = :day
