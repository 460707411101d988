-- Settle attempts by what the provider lists as taken.
--   attempts  [{attempt_id}]: of which nobody knows the outcome
--   listed    [{message_id, at}]: what the provider took around that time
--   slack     seconds by which its clock may differ from ours
-- A message of the list that is nobody's is an attempt's where each fits the other and nothing else. An attempt that
-- nothing fits was not taken: its message is sent again (`resends`), or waits for somebody's decision. Where several
-- fit nothing is said: a status will tell.
WITH unknown AS (
    SELECT a.attempt_id, a.outbox_id, a.begun_at, a.ended_at
    FROM jsonb_to_recordset(CAST(:attempts AS jsonb)) AS t (attempt_id uuid)
    JOIN send_attempts AS a USING (attempt_id)
    JOIN outbox AS o USING (outbox_id)
    WHERE a.outcome = 'unknown' AND o.state = 'unknown'
    FOR UPDATE OF a, o SKIP LOCKED
), strangers AS (
    SELECT l.message_id, l.at
    FROM jsonb_to_recordset(CAST(:listed AS jsonb)) AS l (message_id text, at timestamptz)
    WHERE NOT EXISTS (
        SELECT FROM messages AS m WHERE m.account = :account AND m.message_id = l.message_id
    )
), fitting AS (
    -- Every attempt of which nobody knows yet has a claim, also one that is still under way or too young to be asked for.
    SELECT
        a.attempt_id, s.message_id, s.at,
        count(*) OVER (PARTITION BY a.attempt_id) AS messages,
        count(*) OVER (PARTITION BY s.message_id) AS attempts
    FROM send_attempts AS a
    JOIN outbox AS o USING (outbox_id)
    JOIN strangers AS s
        -- What the provider has not sent on yet has no time.
        ON s.at IS NULL OR s.at BETWEEN a.begun_at - make_interval(secs => :slack)
            AND coalesce(a.ended_at, 'infinity') + make_interval(secs => :slack)
    WHERE o.account = :account AND o.state IN ('sending', 'unknown') AND coalesce(a.outcome, 'unknown') = 'unknown'
), found AS (
    SELECT attempt_id, message_id, at
    FROM fitting
    JOIN unknown USING (attempt_id)
    WHERE messages = 1 AND attempts = 1
), accepted AS (
    SELECT count(*) AS chats
    FROM switchboard.accept_attempts((
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'attempt_id', attempt_id, 'message_id', message_id, 'at', coalesce(at, clock_timestamp()), 'settled_by', 'history'
        )), '[]')
        FROM found
    ))
), not_taken AS (
    SELECT attempt_id, outbox_id
    FROM unknown
    WHERE attempt_id NOT IN (SELECT attempt_id FROM fitting)
), refused AS (
    UPDATE send_attempts AS a SET outcome = 'not_accepted', settled_by = 'history', asked_at = clock_timestamp()
    FROM not_taken AS n
    WHERE a.attempt_id = n.attempt_id AND :resends
), asked AS (
    UPDATE send_attempts AS a SET asked_at = clock_timestamp()
    FROM unknown AS u
    WHERE a.attempt_id = u.attempt_id
        AND a.attempt_id NOT IN (SELECT attempt_id FROM found)
        AND NOT (:resends AND a.attempt_id IN (SELECT attempt_id FROM not_taken))
), queued AS (
    UPDATE outbox AS o SET
        state = CASE WHEN :resends THEN 'queued' ELSE o.state END,
        error = CASE
            WHEN :resends THEN 'The first request was lost: the provider did not take it.'
            ELSE 'The provider''s list does not show it: it was probably not sent.'
        END,
        next_try_at = clock_timestamp(), settled_at = clock_timestamp()
    FROM not_taken AS n
    WHERE o.outbox_id = n.outbox_id
    RETURNING o.chat_id
), told AS (
    UPDATE chats AS c SET changed_at = clock_timestamp() FROM queued WHERE c.chat_id = queued.chat_id
)
SELECT
    (SELECT count(*) FROM found) AS accepted, (SELECT count(*) FROM not_taken) AS not_accepted,
    (SELECT count(*) FROM unknown) - (SELECT count(*) FROM found) - (SELECT count(*) FROM not_taken) AS left_open,
    (SELECT chats FROM accepted) AS chats
