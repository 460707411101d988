-- A chat for each person and account that has none; a message of theirs opens it in the next statement.
INSERT INTO chats (account, person_id, state, opened_at, last_message_at)
SELECT account, person_id, 'closed', min(sent_at), max(sent_at)
FROM told_messages
GROUP BY account, person_id
ON CONFLICT (account, person_id) DO NOTHING
