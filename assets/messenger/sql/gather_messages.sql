-- The messages of some webhooks with the people they are of, once each, in a table of this transaction.
CREATE TEMPORARY TABLE told_messages ON COMMIT DROP AS
SELECT DISTINCT ON (m.account, m.message_id) m.*, p.person_id
FROM jsonb_to_recordset(CAST(:messages AS jsonb)) AS m (
    place integer, account text, message_id text, direction text, sent_at timestamptz, kind text, text text,
    reply_to_id text, is_forwarded boolean, details jsonb, media jsonb, contacts jsonb, products jsonb, raw jsonb
)
JOIN switchboard.people_of(CAST(:people AS jsonb)) AS p USING (place)
ORDER BY m.account, m.message_id, m.place
