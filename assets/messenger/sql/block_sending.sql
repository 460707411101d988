-- Send nothing by an account, or to one person, for a while; each time in a row for longer.
--   chat          0 is the account
--   wait_seconds  NULL is the `base`th power of how often it was slowed in a row, at most `longest`
--   stopped       whether somebody must mend something
INSERT INTO send_limits AS l (account, chat_id, tokens, refilled_at, blocked_until, blocked_because, is_stopped, slowed)
VALUES (
    :account, :chat, 0, clock_timestamp(),
    clock_timestamp() + make_interval(secs => coalesce(CAST(:wait_seconds AS double precision), 1)), :because, :stopped, 1
)
ON CONFLICT (account, chat_id) DO UPDATE SET
    blocked_until = greatest(
        l.blocked_until,
        clock_timestamp() + make_interval(
            secs => coalesce(CAST(:wait_seconds AS double precision), least(:longest, power(:base, least(l.slowed, 10))))
        )
    ),
    blocked_because = excluded.blocked_because,
    is_stopped = excluded.is_stopped,
    -- Several requests were under way when the first was refused: they are one time.
    slowed = l.slowed + CASE WHEN l.blocked_until > clock_timestamp() THEN 0 ELSE 1 END
