-- Messages as they are to be shown: with their last edit, and how far what we sent has come.
-- A status that came late takes nothing back: the furthest one counts, and failed only where nothing shows delivery.
CREATE VIEW switchboard.shown_messages AS
SELECT
    m.account, m.message_id, m.chat_id, m.direction, m.kind,
    CASE WHEN version.what = 'edited' THEN version.text ELSE m.text END AS text,
    coalesce(version.what = 'edited', false) AS is_edited,
    coalesce(version.what = 'revoked', false) AS is_revoked,
    m.sent_at, m.employee_id, m.reply_to_id, m.is_forwarded, m.details, m.outbox_id,
    CASE WHEN m.direction = 'out' THEN coalesce(furthest.status, 'accepted') END AS status,
    furthest.occurred_at AS status_at,
    CASE WHEN furthest.status = 'failed' THEN furthest.error_code END AS error_code,
    CASE WHEN furthest.status = 'failed' THEN furthest.error_text END AS error_text
FROM switchboard.messages AS m
LEFT JOIN LATERAL (
    SELECT v.what, v.text
    FROM switchboard.message_versions AS v
    WHERE v.account = m.account AND v.message_id = m.message_id
    -- What was taken back stays taken back.
    ORDER BY v.what = 'revoked' DESC, v.changed_at DESC, v.change_id DESC
    LIMIT 1
) AS version ON true
LEFT JOIN LATERAL (
    SELECT s.status, s.occurred_at, s.error_code, s.error_text
    FROM switchboard.message_statuses AS s
    WHERE s.account = m.account AND s.message_id = m.message_id
        AND s.status IN ('sent', 'failed', 'delivered', 'read', 'played', 'deleted')
    ORDER BY array_position(ARRAY['deleted', 'played', 'read', 'delivered', 'failed', 'sent'], s.status)
    LIMIT 1
) AS furthest ON m.direction = 'out';

-- Signs at messages as they are now: the last of each side, where it was not taken away.
CREATE VIEW switchboard.shown_reactions AS
SELECT account, message_id, direction, emoji, reacted_at
FROM (
    SELECT DISTINCT ON (r.account, r.message_id, r.direction)
        r.account, r.message_id, r.direction, r.emoji, r.reacted_at
    FROM switchboard.message_reactions AS r
    ORDER BY r.account, r.message_id, r.direction, r.reacted_at DESC, r.reaction_id DESC
) AS last
WHERE emoji <> '';

-- Whoever shows chats is told which of them changed.
CREATE FUNCTION switchboard.tell_of_chat() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('switchboard_chats', CAST(NEW.chat_id AS text));
    RETURN NULL;
END
$$;

CREATE TRIGGER tell_of_chat AFTER INSERT OR UPDATE ON switchboard.chats
FOR EACH ROW EXECUTE FUNCTION switchboard.tell_of_chat();
