-- The chats an employee may read, and whether they are theirs: their own, in work or closed, and those of the queue
-- that are offered to them while they are there. What is offered to people of whom nobody is there is offered to all.
--   viewer    the employee
--   sees_all  a supervisor's right
--   zone      the business zone
CREATE FUNCTION switchboard.readable_chats(viewer text, sees_all boolean, zone text)
RETURNS TABLE (chat_id bigint, is_own boolean, may_take boolean) LANGUAGE sql STABLE AS $$
    WITH people AS MATERIALIZED (
        SELECT a.employee_id FROM switchboard.availability(now(), zone) AS a WHERE a.unavailable IS NULL
    ), offered AS (
        SELECT
            c.chat_id, c.state, coalesce(c.owner_id = viewer, false) AS is_own,
            c.state = 'queue' AND viewer IN (SELECT p.employee_id FROM people AS p) AND (
                c.offered_to IS NULL OR viewer = ANY(c.offered_to)
                OR NOT EXISTS (SELECT FROM people AS p WHERE p.employee_id = ANY(c.offered_to))
            ) AS is_offered
        FROM switchboard.chats AS c
    )
    SELECT o.chat_id, o.is_own, o.is_offered OR (sees_all AND o.state = 'queue')
    FROM offered AS o
    WHERE sees_all OR o.is_offered OR (o.is_own AND o.state <> 'queue')
$$;

-- Who somebody at a messenger is: their client and contact, by hand or by their number, and how they call themselves.
CREATE FUNCTION switchboard.person_shown(asked bigint)
RETURNS TABLE (
    person_id bigint, number text, username text, party_id text, party_name text, contact_id text, contact_name text,
    name text, by_hand boolean
) LANGUAGE sql STABLE AS $$
    SELECT
        p.person_id, p.number, ids.username,
        nullif(coalesce(hand.party_id, owner.party_id), ''),
        CASE WHEN hand.party_id IS NULL THEN owner.party_name ELSE party.name END,
        coalesce(hand.contact_id, owner.contact_id, ''),
        CASE WHEN hand.party_id IS NULL THEN owner.contact_name ELSE contact.contact_name END,
        coalesce(nullif(p.name, ''), '@' || ids.username, p.number, ''),
        hand.party_id IS NOT NULL
    FROM switchboard.messenger_people AS p
    LEFT JOIN LATERAL (
        SELECT max(i.value) AS username
        FROM switchboard.messenger_identities AS i
        WHERE i.person_id = p.person_id AND i.kind = 'username' AND i.valid_to IS NULL
    ) AS ids ON true
    LEFT JOIN switchboard.person_contacts AS hand ON hand.person_id = p.person_id AND hand.valid_to IS NULL
    LEFT JOIN switchboard.crm_parties AS party ON party.party_id = hand.party_id
    LEFT JOIN LATERAL (
        SELECT nullif(min(f.contact_name), '') AS contact_name
        FROM switchboard.crm_phones AS f
        WHERE f.source = party.source AND f.party_id = party.party_id AND f.contact_id = hand.contact_id
            AND f.gone_at IS NULL
    ) AS contact ON true
    LEFT JOIN LATERAL (
        SELECT o.party_id, o.party_name, o.contact_id, o.contact_name
        FROM switchboard.owner_shown(p.number) AS o
        WHERE NOT o.is_ambiguous
    ) AS owner ON hand.party_id IS NULL AND p.number IS NOT NULL
    WHERE p.person_id = asked
$$;
