-- Take the next message that may be sent now, and write the attempt to send it. No row: there is none.
--   asked_account      the account
--   new_attempt        what goes with the request and comes back with its statuses
--   lease_seconds      for so long nobody else takes it; a request must have ended by then
--   number_per_second  how many the account may send
--   number_burst       at once, after a rest
--   pair_seconds       between two messages to one person
--   pair_burst         at once, after a rest
-- A chat's messages go in the order they were written; one that is refused again and again holds the later ones up for a
-- minute, then they go before it. Must be the only statement of its transaction: the account's row stays locked.
CREATE FUNCTION switchboard.claim_message(
    asked_account text, new_attempt uuid, lease_seconds double precision, number_per_second double precision,
    number_burst double precision, pair_seconds double precision, pair_burst double precision
) RETURNS SETOF switchboard.outbox LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz;
    whole switchboard.send_limits;
    taken switchboard.outbox;
BEGIN
    INSERT INTO switchboard.send_limits (account, chat_id, tokens, refilled_at)
    VALUES (asked_account, 0, number_burst, clock_timestamp())
    ON CONFLICT DO NOTHING;
    SELECT * INTO whole FROM switchboard.send_limits AS l
    WHERE l.account = asked_account AND l.chat_id = 0
    FOR UPDATE;
    -- After the wait for the lock, or tokens of the meantime would be given twice.
    at := clock_timestamp();
    IF whole.blocked_until > at THEN
        RETURN;
    END IF;
    whole.tokens := least(
        number_burst, whole.tokens + number_per_second * extract(epoch FROM at - whole.refilled_at)
    );
    IF whole.tokens < 1 THEN
        RETURN;
    END IF;
    SELECT o.* INTO taken
    FROM switchboard.outbox AS o
    JOIN switchboard.chats AS c USING (chat_id)
    LEFT JOIN switchboard.send_limits AS p ON p.account = o.account AND p.chat_id = o.chat_id
    WHERE o.account = asked_account AND o.state = 'queued' AND o.next_try_at <= at
        AND (o.kind = 'template' OR c.last_in_at > at - interval '24 hours')
        AND (p.blocked_until IS NULL OR p.blocked_until <= at)
        AND (p.tokens IS NULL OR p.tokens + extract(epoch FROM at - p.refilled_at) / pair_seconds >= 1)
        AND NOT EXISTS (
            SELECT FROM switchboard.outbox AS earlier
            WHERE earlier.chat_id = o.chat_id AND earlier.outbox_id < o.outbox_id
                AND (
                    earlier.state = 'sending'
                    OR (earlier.state IN ('queued', 'unknown')
                        AND coalesce(earlier.first_tried_at, at) > at - interval '1 minute')
                )
        )
    ORDER BY o.outbox_id
    LIMIT 1
    FOR UPDATE OF o SKIP LOCKED;
    IF taken.outbox_id IS NULL THEN
        RETURN;
    END IF;
    UPDATE switchboard.send_limits AS l SET tokens = whole.tokens - 1, refilled_at = at
    WHERE l.account = asked_account AND l.chat_id = 0;
    INSERT INTO switchboard.send_limits AS l (account, chat_id, tokens, refilled_at)
    VALUES (asked_account, taken.chat_id, pair_burst - 1, at)
    ON CONFLICT (account, chat_id) DO UPDATE SET
        tokens = least(pair_burst, l.tokens + extract(epoch FROM at - l.refilled_at) / pair_seconds) - 1,
        refilled_at = at;
    INSERT INTO switchboard.send_attempts (attempt_id, outbox_id) VALUES (new_attempt, taken.outbox_id);
    RETURN QUERY
        UPDATE switchboard.outbox AS o SET
            state = 'sending',
            leased_until = at + make_interval(secs => lease_seconds),
            first_tried_at = coalesce(o.first_tried_at, at)
        WHERE o.outbox_id = taken.outbox_id
        RETURNING o.*;
END
$$;

-- Note that attempts were taken by the provider: each message has then its one row, whoever tells it first, the answer
-- to the request or a status. Asked for twice it changes nothing.
--   told  an array of objects: attempt_id, message_id, at, settled_by
-- Returns the chats that changed.
CREATE FUNCTION switchboard.accept_attempts(told jsonb) RETURNS TABLE (chat_id bigint) LANGUAGE sql AS $$
    WITH accepted AS (
        SELECT DISTINCT ON (t.attempt_id) t.*
        FROM jsonb_to_recordset(told) AS t (attempt_id uuid, message_id text, at timestamptz, settled_by text)
        ORDER BY t.attempt_id, t.at
    ), settled AS (
        UPDATE switchboard.send_attempts AS a SET
            outcome = 'accepted', message_id = accepted.message_id, ended_at = coalesce(a.ended_at, clock_timestamp()),
            settled_by = accepted.settled_by, error = NULL, error_code = NULL
        FROM accepted
        WHERE a.attempt_id = accepted.attempt_id AND a.outcome IS DISTINCT FROM 'accepted'
        RETURNING a.outbox_id, a.message_id, accepted.at
    ), sent AS (
        UPDATE switchboard.outbox AS o SET
            state = 'accepted', message_id = settled.message_id, settled_at = clock_timestamp(), leased_until = NULL,
            error = NULL, error_code = NULL
        FROM settled
        WHERE o.outbox_id = settled.outbox_id AND o.state <> 'accepted'
        RETURNING o.*, settled.at
    ), written AS (
        INSERT INTO switchboard.messages AS m (
            account, message_id, chat_id, direction, kind, text, sent_at, employee_id, reply_to_id, details, raw,
            outbox_id
        )
        SELECT
            s.account, s.message_id, s.chat_id, 'out', s.kind, s.text, s.at, nullif(s.employee_id, ''),
            nullif(s.reply_to_id, ''),
            jsonb_strip_nulls(jsonb_build_object(
                'template', nullif(s.template_name, ''), 'language', nullif(s.template_language, ''),
                'values', nullif(to_jsonb(s.template_values), '[]'), 'media_id', nullif(s.media_id, ''),
                'file_name', nullif(s.file_name, ''), 'mime_type', nullif(s.mime_type, ''), 'sha256', nullif(s.sha256, '')
            )),
            '{}', s.outbox_id
        FROM sent AS s
        -- The telephone's own app may have echoed it first: then it has an author now.
        ON CONFLICT (account, message_id) DO UPDATE SET
            employee_id = coalesce(m.employee_id, excluded.employee_id),
            outbox_id = coalesce(m.outbox_id, excluded.outbox_id)
    ), files AS (
        INSERT INTO switchboard.message_media (
            account, media_id, message_id, mime_type, file_name, told_sha256, state, sha256, fetched_at, expires_at
        )
        SELECT
            s.account, s.media_id, s.message_id, s.mime_type, s.file_name, s.sha256, 'kept', s.sha256,
            clock_timestamp(), s.at + interval '30 days'
        FROM sent AS s
        WHERE s.sha256 <> ''
        ON CONFLICT DO NOTHING
    )
    UPDATE switchboard.chats AS c SET
        last_message_at = greatest(c.last_message_at, s.at), changed_at = clock_timestamp()
    FROM (SELECT sent.chat_id, max(sent.at) AS at FROM sent GROUP BY sent.chat_id) AS s
    WHERE c.chat_id = s.chat_id
    RETURNING c.chat_id
$$;
