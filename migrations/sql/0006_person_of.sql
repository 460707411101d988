-- Whose a messenger's ids are, at the time of a message; ids that are new are kept, with that time.
--   asked  an array of objects: place, user_id, wa_id, lid, username, name, number ('' where not known), seen_at
-- An id that changes hands is ended and begun anew, so that old messages stay with whom they were written by. A
-- business-scoped id says more than a telephone's: a telephone's id with another business-scoped id is another person.
-- Somebody first known by one of both, and later by both, is one person.
CREATE FUNCTION switchboard.person_of(asked jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    seen_at CONSTANT timestamptz := asked ->> 'seen_at';
    by_user bigint;
    by_wa bigint;
    person bigint;
    given record;
    held record;
BEGIN
    by_user := switchboard.person_at('user_id', asked ->> 'user_id', seen_at);
    by_wa := switchboard.person_at('wa_id', asked ->> 'wa_id', seen_at);
    IF by_user IS NULL AND asked ->> 'user_id' <> '' AND by_wa IS NOT NULL
        AND switchboard.has_identity(by_wa, 'user_id', seen_at)
    THEN
        by_wa := NULL;
    END IF;
    IF by_user <> by_wa AND NOT switchboard.has_identity(by_user, 'wa_id', seen_at)
        AND NOT switchboard.has_identity(by_wa, 'user_id', seen_at)
    THEN
        PERFORM switchboard.merge_people(least(by_user, by_wa), greatest(by_user, by_wa));
        by_user := least(by_user, by_wa);
    END IF;
    person := coalesce(by_user, by_wa, switchboard.person_at('lid', asked ->> 'lid', seen_at));
    IF person IS NULL AND asked ->> 'user_id' = '' AND asked ->> 'wa_id' = '' AND asked ->> 'lid' = '' THEN
        person := switchboard.person_at('username', asked ->> 'username', seen_at);
    END IF;
    IF person IS NULL THEN
        INSERT INTO switchboard.messenger_people (name) VALUES (asked ->> 'name') RETURNING person_id INTO person;
    END IF;
    FOR given IN
        SELECT kind, asked ->> kind AS value
        FROM unnest(ARRAY['user_id', 'wa_id', 'lid', 'username']) AS kind
        WHERE asked ->> kind <> ''
    LOOP
        CONTINUE WHEN EXISTS (
            SELECT FROM switchboard.messenger_identities AS i
            WHERE i.kind = given.kind AND i.value = given.value AND i.person_id = person
                AND (i.valid_to IS NULL OR i.valid_to > seen_at)
                AND i.valid_from <= seen_at
        );
        -- A message older than what is known already: the same hands held it earlier.
        UPDATE switchboard.messenger_identities AS i SET valid_from = seen_at
        WHERE i.kind = given.kind AND i.value = given.value AND i.person_id = person AND i.valid_to IS NULL
            AND i.valid_from > seen_at;
        CONTINUE WHEN FOUND;
        SELECT i.* INTO held
        FROM switchboard.messenger_identities AS i
        WHERE i.kind = given.kind AND i.value = given.value AND i.valid_to IS NULL;
        -- Somebody else took it over later: that stands.
        CONTINUE WHEN held.valid_from > seen_at;
        UPDATE switchboard.messenger_identities AS i SET valid_to = seen_at, ended_because = 'another_person'
        WHERE i.identity_id = held.identity_id;
        UPDATE switchboard.messenger_identities AS i SET valid_to = seen_at, ended_because = 'replaced'
        WHERE i.kind = given.kind AND i.person_id = person AND i.valid_to IS NULL AND i.valid_from <= seen_at;
        INSERT INTO switchboard.messenger_identities (kind, value, person_id, valid_from)
        VALUES (given.kind, given.value, person, seen_at);
    END LOOP;
    UPDATE switchboard.messenger_people AS p SET name = told.name, number = told.number
    FROM (
        SELECT
            coalesce(nullif(asked ->> 'name', ''), now.name) AS name,
            -- An old message does not bring an old number back.
            CASE WHEN asked ->> 'number' <> '' AND EXISTS (
                SELECT FROM switchboard.messenger_identities AS i
                WHERE i.kind = 'wa_id' AND i.value = asked ->> 'wa_id' AND i.valid_to IS NULL AND i.person_id = person
            ) THEN asked ->> 'number' ELSE now.number END AS number
        FROM switchboard.messenger_people AS now
        WHERE now.person_id = person
    ) AS told
    WHERE p.person_id = person AND (p.name, p.number) IS DISTINCT FROM (told.name, told.number);
    RETURN person;
END
$$;

-- Who held an id at a time; before it was first seen, who held it first.
CREATE FUNCTION switchboard.person_at(asked_kind text, asked_value text, at timestamptz)
RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT i.person_id
    FROM switchboard.messenger_identities AS i
    WHERE i.kind = asked_kind AND i.value = asked_value AND asked_value <> ''
        AND (i.valid_to IS NULL OR i.valid_to > at)
    ORDER BY i.valid_from
    LIMIT 1
$$;

CREATE FUNCTION switchboard.has_identity(asked_person bigint, asked_kind text, at timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM switchboard.messenger_identities AS i
        WHERE i.person_id = asked_person AND i.kind = asked_kind AND (i.valid_to IS NULL OR i.valid_to > at)
    )
$$;

-- Make two people one: their chats with the same account become one chat.
CREATE FUNCTION switchboard.merge_people(kept bigint, gone bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    pair record;
BEGIN
    FOR pair IN
        SELECT k.chat_id AS kept_chat, g.chat_id AS gone_chat
        FROM switchboard.chats AS g
        JOIN switchboard.chats AS k ON k.account = g.account AND k.person_id = kept
        WHERE g.person_id = gone
    LOOP
        UPDATE switchboard.messages SET chat_id = pair.kept_chat WHERE chat_id = pair.gone_chat;
        UPDATE switchboard.outbox SET chat_id = pair.kept_chat WHERE chat_id = pair.gone_chat;
        UPDATE switchboard.chat_events SET chat_id = pair.kept_chat WHERE chat_id = pair.gone_chat;
        DELETE FROM switchboard.send_limits WHERE chat_id = pair.gone_chat;
        UPDATE switchboard.chats AS k SET
            state = CASE
                WHEN 'in_work' IN (k.state, g.state) THEN 'in_work'
                WHEN 'queue' IN (k.state, g.state) THEN 'queue'
                ELSE 'closed'
            END,
            owner_id = CASE WHEN k.state <> 'in_work' AND g.state = 'in_work' THEN g.owner_id
                ELSE coalesce(k.owner_id, g.owner_id) END,
            opened_at = least(k.opened_at, g.opened_at),
            taken_at = coalesce(k.taken_at, g.taken_at),
            closed_at = CASE WHEN k.state = 'closed' AND g.state = 'closed' THEN greatest(k.closed_at, g.closed_at) END,
            last_message_at = greatest(k.last_message_at, g.last_message_at),
            last_in_at = greatest(k.last_in_at, g.last_in_at),
            unread = k.unread + g.unread,
            changed_at = clock_timestamp()
        FROM switchboard.chats AS g
        WHERE k.chat_id = pair.kept_chat AND g.chat_id = pair.gone_chat;
        INSERT INTO switchboard.chat_events (chat_id, what) VALUES (pair.kept_chat, 'merged');
        DELETE FROM switchboard.chats WHERE chat_id = pair.gone_chat;
    END LOOP;
    UPDATE switchboard.chats SET person_id = kept, changed_at = clock_timestamp() WHERE person_id = gone;
    UPDATE switchboard.messenger_identities SET person_id = kept WHERE person_id = gone;
    DELETE FROM switchboard.person_contacts AS g
    WHERE g.person_id = gone AND EXISTS (SELECT FROM switchboard.person_contacts AS k WHERE k.person_id = kept);
    UPDATE switchboard.person_contacts SET person_id = kept WHERE person_id = gone;
    UPDATE switchboard.messenger_people AS k SET
        name = coalesce(nullif(k.name, ''), g.name),
        number = coalesce(k.number, g.number),
        first_seen_at = least(k.first_seen_at, g.first_seen_at)
    FROM switchboard.messenger_people AS g
    WHERE k.person_id = kept AND g.person_id = gone;
    DELETE FROM switchboard.messenger_people WHERE person_id = gone;
END
$$;

-- Whose the ids of several messages are; see `person_of`. Who is found first may be merged with another by a later one,
-- so all are looked up once more in the end.
CREATE FUNCTION switchboard.people_of(asked jsonb) RETURNS TABLE (place integer, person_id bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    one jsonb;
BEGIN
    FOR one IN SELECT value FROM jsonb_array_elements(asked) AS value ORDER BY value ->> 'seen_at' LOOP
        PERFORM switchboard.person_of(one);
    END LOOP;
    FOR one IN SELECT value FROM jsonb_array_elements(asked) AS value LOOP
        place := one ->> 'place';
        person_id := switchboard.person_of(one);
        RETURN NEXT;
    END LOOP;
END
$$;

-- Somebody has another telephone: what they wrote before and what they write from now on is one person's.
--   told  an object: wa_id and user_id before, new_wa_id, new_user_id, new_number, seen_at
CREATE FUNCTION switchboard.change_number(told jsonb) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    seen_at CONSTANT timestamptz := told ->> 'seen_at';
    person bigint;
    other bigint;
    given record;
BEGIN
    SELECT i.person_id INTO person
    FROM switchboard.messenger_identities AS i
    WHERE (i.kind, i.value) IN (('wa_id', told ->> 'wa_id'), ('user_id', told ->> 'user_id'))
        AND i.value <> '' AND (i.valid_to IS NULL OR i.valid_to >= seen_at)
    ORDER BY i.kind, i.valid_from
    LIMIT 1;
    -- Nobody wrote to us under the old ids: there is nothing to carry over.
    IF person IS NULL THEN
        RETURN;
    END IF;
    FOR given IN
        SELECT kind, told ->> ('new_' || kind) AS value
        FROM unnest(ARRAY['user_id', 'wa_id']) AS kind
        WHERE told ->> ('new_' || kind) <> '' AND told ->> ('new_' || kind) IS DISTINCT FROM told ->> kind
    LOOP
        SELECT i.person_id INTO other
        FROM switchboard.messenger_identities AS i
        WHERE i.kind = given.kind AND i.value = given.value AND i.valid_to IS NULL;
        IF other = person THEN
            CONTINUE;
        END IF;
        UPDATE switchboard.messenger_identities AS i SET valid_to = seen_at, ended_because = 'number_changed'
        WHERE i.person_id = person AND i.kind = given.kind AND i.valid_to IS NULL AND i.valid_from <= seen_at;
        IF other IS NULL THEN
            INSERT INTO switchboard.messenger_identities (kind, value, person_id, valid_from)
            VALUES (given.kind, given.value, person, seen_at);
        ELSIF NOT EXISTS (
            SELECT FROM switchboard.messenger_identities AS i
            WHERE i.person_id = other AND i.valid_from < seen_at - interval '1 day'
        ) THEN
            -- They wrote under the new number before we were told of the change.
            PERFORM switchboard.merge_people(least(person, other), greatest(person, other));
            person := least(person, other);
        ELSE
            UPDATE switchboard.messenger_identities AS i SET valid_to = seen_at, ended_because = 'another_person'
            WHERE i.person_id = other AND i.kind = given.kind AND i.value = given.value AND i.valid_to IS NULL;
            INSERT INTO switchboard.messenger_identities (kind, value, person_id, valid_from)
            VALUES (given.kind, given.value, person, seen_at);
        END IF;
    END LOOP;
    UPDATE switchboard.messenger_people
    SET number = coalesce(nullif(told ->> 'new_number', ''), number)
    WHERE person_id = person;
END
$$;
