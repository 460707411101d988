-- Where a stream of events begins: the newest and the oldest event kept, and whether calls are listened to.
--   the switches of events together: one that is on is enough; none noted so far counts as on. One that switches
--   nothing gives no reason, and has nothing to say beside one that does.
SELECT
    coalesce((SELECT max(event_id) FROM switchboard.call_events), 0) AS newest,
    coalesce((SELECT min(event_id) FROM switchboard.call_events), 0) AS oldest,
    coalesce(bool_or(s.is_on), true) AS is_on,
    coalesce(
        string_agg(DISTINCT s.reason, '; ') FILTER (WHERE s.is_on),
        string_agg(DISTINCT nullif(s.reason, ''), '; ') FILTER (WHERE NOT s.is_on),
        CASE WHEN count(*) > 0 THEN 'no telephony server has an event channel' ELSE '' END
    ) AS reason
FROM switchboard.switches AS s
WHERE s.name IN ('call_events', 'call_events_other')
