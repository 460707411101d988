-- Whose contact somebody at a messenger is, from now on; '' is nobody's. No row: the chat may not be read.
WITH person AS (
    SELECT c.person_id, c.chat_id
    FROM switchboard.chats AS c
    JOIN switchboard.readable_chats(%(viewer)s, %(sees_all)s, %(zone)s) AS r USING (chat_id)
    WHERE c.chat_id = %(chat)s
        AND (%(party_id)s = '' OR EXISTS (SELECT FROM switchboard.crm_parties AS p WHERE p.party_id = %(party_id)s))
), former AS (
    UPDATE switchboard.person_contacts AS h SET valid_to = transaction_timestamp()
    FROM person
    WHERE h.person_id = person.person_id AND h.valid_to IS NULL
    RETURNING h.person_id
), told AS (
    UPDATE switchboard.chats AS c SET changed_at = clock_timestamp() FROM person WHERE c.person_id = person.person_id
)
INSERT INTO switchboard.person_contacts (person_id, party_id, contact_id, assigned_by)
SELECT person.person_id, %(party_id)s, %(contact_id)s, %(viewer)s
FROM person
-- The former row is ended first, or the index of what is valid now would refuse the new one.
WHERE (SELECT count(*) FROM former) >= 0
-- Of two who say it at once the later one counts.
ON CONFLICT (person_id) WHERE valid_to IS NULL DO UPDATE SET
    party_id = excluded.party_id, contact_id = excluded.contact_id, assigned_by = excluded.assigned_by
RETURNING person_id
