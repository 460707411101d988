-- Files whose time here is over: fetched ones, and those of messages that were never sent.
WITH forgotten AS (
    UPDATE message_media SET state = 'forgotten'
    WHERE state = 'kept' AND fetched_at < now() - make_interval(days => :days)
    RETURNING sha256
), unsent AS (
    SELECT outbox_id, sha256
    FROM outbox
    WHERE state IN ('failed', 'cancelled') AND sha256 <> '' AND settled_at < now() - make_interval(days => :days)
), emptied AS (
    UPDATE outbox AS o SET sha256 = '' FROM unsent AS u WHERE o.outbox_id = u.outbox_id
)
SELECT sha256 FROM forgotten
UNION ALL
SELECT sha256 FROM unsent
