INSERT INTO message_reactions (account, reaction_id, message_id, direction, emoji, reacted_at, raw)
SELECT account, reaction_id, message_id, direction, emoji, reacted_at, raw
FROM jsonb_to_recordset(CAST(:reactions AS jsonb)) AS r (
    account text, reaction_id text, message_id text, direction text, emoji text, reacted_at timestamptz, raw jsonb
)
ON CONFLICT DO NOTHING
