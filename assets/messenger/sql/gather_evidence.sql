-- Who worked with whom by messages, one document for each chat, employee and business day: what an employee wrote and
-- the provider took, and did not fail. Of the chats that changed since; only differences are written and queued.
--   since  NULL is all
--   days   how far back
--   zone   the business zone
WITH touched AS (
    SELECT c.chat_id, c.account, p.number, coalesce(h.party_id, '') AS party_id, coalesce(h.contact_id, '') AS contact_id
    FROM chats AS c
    JOIN messenger_people AS p USING (person_id)
    LEFT JOIN person_contacts AS h ON h.person_id = c.person_id AND h.valid_to IS NULL
    WHERE CAST(:since AS timestamptz) IS NULL OR c.changed_at >= :since
), evidence AS (
    SELECT
        t.account, t.chat_id || ' ' || m.employee_id || ' ' || days.day AS document_id, t.party_id, t.contact_id,
        t.number, m.employee_id, days.day, max(m.sent_at) AS at
    FROM touched AS t
    JOIN shown_messages AS m USING (chat_id)
    CROSS JOIN LATERAL (SELECT CAST(m.sent_at AT TIME ZONE :zone AS date) AS day) AS days
    WHERE m.direction = 'out' AND m.employee_id IS NOT NULL AND m.status <> 'failed'
        AND m.sent_at > now() - make_interval(days => :days)
    GROUP BY t.account, t.chat_id, t.party_id, t.contact_id, t.number, m.employee_id, days.day
), written AS (
    INSERT INTO crm_interactions AS i (
        source, entity_set, document_id, kind, version, interaction_day, at, party_id, contact_id, employee_id, phone,
        number, is_deleted
    )
    SELECT
        'messenger', account, document_id, 'message', '', day, at, party_id, contact_id, employee_id,
        coalesce(number, ''), number, false
    FROM evidence
    ON CONFLICT (source, entity_set, document_id) DO UPDATE SET
        at = excluded.at, party_id = excluded.party_id, contact_id = excluded.contact_id, phone = excluded.phone,
        number = excluded.number
    WHERE (i.at, i.party_id, i.contact_id, i.number) IS DISTINCT FROM
        (excluded.at, excluded.party_id, excluded.contact_id, excluded.number)
    RETURNING source, entity_set, document_id
)
INSERT INTO changed_documents (source, entity_set, document_id)
SELECT source, entity_set, document_id FROM written
