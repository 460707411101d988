-- Store what became of messages we sent, and settle the attempts that the statuses bring back.
--   statuses  [{account, message_id, status, occurred_at, attempt_id, error_code, error_text, raw}]
--   told_by   webhook or history
WITH told AS (
    SELECT DISTINCT ON (account, message_id, status) *
    FROM jsonb_to_recordset(CAST(:statuses AS jsonb)) AS s (
        account text, message_id text, status text, occurred_at timestamptz, attempt_id uuid, error_code integer,
        error_text text, raw jsonb
    )
    ORDER BY account, message_id, status, occurred_at
), stored AS (
    INSERT INTO message_statuses (
        account, message_id, status, occurred_at, attempt_id, error_code, error_text, raw, told_by
    )
    SELECT account, message_id, status, occurred_at, attempt_id, error_code, error_text, raw, :told_by FROM told
    ON CONFLICT DO NOTHING
    RETURNING account, message_id, attempt_id, occurred_at
)
SELECT count(*) AS stored, (
    SELECT count(*)
    FROM switchboard.accept_attempts((
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'attempt_id', attempt_id, 'message_id', message_id, 'at', occurred_at, 'settled_by', :told_by
        )), '[]')
        FROM stored
        WHERE attempt_id IS NOT NULL
    ))
) AS chats
FROM stored
