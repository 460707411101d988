-- Store the messages that are new, and put their chats where they belong.
--   rules             [{position, name, account, keywords, employees, departments}]
--   returns_to_owner  whether a closed chat goes back to whoever answered it
--   zone              the business zone
-- A message of the client opens a closed chat: its former owner's, if they are there, else the queue's. In the queue
-- the first rule offers it that fits and has somebody who is there. Who went away for longer than the night loses
-- their chats to the queue with the client's next message. Returns how many messages were new, and from whom.
WITH written AS (
    INSERT INTO messages (
        account, message_id, chat_id, direction, kind, text, sent_at, reply_to_id, is_forwarded, details, raw
    )
    SELECT
        t.account, t.message_id, c.chat_id, t.direction, t.kind, t.text, t.sent_at, nullif(t.reply_to_id, ''),
        t.is_forwarded, t.details, t.raw
    FROM told_messages AS t
    JOIN chats AS c USING (account, person_id)
    ON CONFLICT (account, message_id) DO NOTHING
    RETURNING account, message_id, chat_id, direction, kind, text, sent_at
), news AS (
    SELECT
        chat_id,
        count(*) FILTER (WHERE direction = 'in' AND kind <> 'system') AS incoming,
        max(sent_at) AS last_message_at,
        max(sent_at) FILTER (WHERE direction = 'in' AND kind <> 'system') AS last_in_at,
        coalesce(string_agg(lower(text), E'\n') FILTER (WHERE direction = 'in'), '') AS words
    FROM written
    GROUP BY chat_id
), people AS MATERIALIZED (
    SELECT a.employee_id, a.department, a.unavailable IS NULL AS is_there,
        coalesce(a.unavailable IN ('not_employed', 'excluded', 'absent'), false) AS is_away
    FROM switchboard.availability(now(), :zone) AS a
    WHERE EXISTS (SELECT FROM news WHERE incoming > 0)
), rules AS (
    SELECT
        r.position, r.name, r.account, r.keywords,
        r.employees = '{}' AND r.departments = '{}' AS is_for_all,
        array_agg(p.employee_id ORDER BY p.employee_id) FILTER (
            WHERE p.employee_id = ANY(r.employees) OR p.department = ANY(r.departments)
        ) AS offered_to,
        coalesce(bool_or(p.is_there) FILTER (
            WHERE p.employee_id = ANY(r.employees) OR p.department = ANY(r.departments)
        ), false) AS has_somebody
    FROM jsonb_to_recordset(CAST(:rules AS jsonb)) AS r (
        position integer, name text, account text, keywords text[], employees text[], departments text[]
    )
    LEFT JOIN people AS p ON true
    GROUP BY r.position, r.name, r.account, r.keywords, r.employees, r.departments
), standing AS (
    SELECT
        n.*, c.account, c.state AS former_state,
        CASE
            WHEN n.incoming = 0 THEN c.state
            WHEN c.state = 'closed' THEN
                CASE WHEN owner.is_there AND :returns_to_owner THEN 'in_work' ELSE 'queue' END
            WHEN c.state = 'in_work' AND coalesce(owner.is_away, true) THEN 'queue'
            ELSE c.state
        END AS state,
        c.rule AS former_rule
    FROM news AS n
    JOIN chats AS c USING (chat_id)
    LEFT JOIN people AS owner ON owner.employee_id = c.owner_id
), chosen AS (
    SELECT DISTINCT ON (s.chat_id)
        s.chat_id, r.name, CASE WHEN r.is_for_all THEN NULL ELSE r.offered_to END AS offered_to
    FROM standing AS s
    JOIN rules AS r ON r.account IN ('', s.account) AND (r.is_for_all OR r.has_somebody)
    WHERE s.state = 'queue' AND (
        r.keywords = '{}' OR EXISTS (
            SELECT FROM unnest(r.keywords) AS keyword WHERE position(lower(keyword) IN s.words) > 0
        )
    )
    ORDER BY s.chat_id, r.position
), placed AS (
    UPDATE chats AS c SET
        state = s.state,
        -- Until a rule has fitted, each further message is looked at.
        rule = CASE
            WHEN s.state = 'queue' AND (s.former_state <> 'queue' OR s.former_rule = '') THEN coalesce(r.name, '')
            ELSE c.rule
        END,
        offered_to = CASE
            WHEN s.state = 'queue' AND (s.former_state <> 'queue' OR s.former_rule = '') THEN r.offered_to
            ELSE c.offered_to
        END,
        opened_at = CASE WHEN s.former_state = 'closed' AND s.state <> 'closed' THEN s.last_in_at ELSE c.opened_at END,
        taken_at = CASE WHEN s.former_state = 'closed' AND s.state = 'in_work' THEN now() ELSE c.taken_at END,
        closed_at = CASE WHEN s.state <> 'closed' THEN NULL ELSE c.closed_at END,
        last_message_at = greatest(c.last_message_at, s.last_message_at),
        last_in_at = greatest(c.last_in_at, s.last_in_at),
        unread = c.unread + s.incoming,
        changed_at = clock_timestamp()
    FROM standing AS s
    LEFT JOIN chosen AS r USING (chat_id)
    WHERE c.chat_id = s.chat_id
), noted AS (
    INSERT INTO chat_events (chat_id, what, to_employee_id, note)
    SELECT
        c.chat_id,
        CASE WHEN s.state = 'in_work' THEN 'reopened' WHEN s.former_state = 'in_work' THEN 'returned' ELSE 'queued' END,
        CASE WHEN s.state = 'in_work' THEN c.owner_id END,
        coalesce(r.name, '')
    FROM standing AS s
    JOIN chats AS c USING (chat_id)
    LEFT JOIN chosen AS r USING (chat_id)
    WHERE s.state <> s.former_state
)
SELECT
    count(*) FILTER (WHERE direction = 'in') AS incoming,
    count(*) FILTER (WHERE direction = 'out') AS outgoing
FROM written
