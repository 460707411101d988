-- Calls made anew go into the history with what they mean among the other calls of the same client:
--   first_contact   no earlier call with this number;
--   needs_attention an inbound call nobody answered, and no talk with this client later that day;
--   lost            such a call that was also the first contact.
-- Everything is known before anything is written: each call is written once, and only if it came out different.
-- Looked at besides the touched calls are, for each of their clients, the other calls of the touched days and
-- the earliest other call, which is the only one that can have been held for the first.
WITH keys AS MATERIALIZED (
    SELECT client_key, call_day FROM grouped_calls WHERE client_key IS NOT NULL
    UNION
    -- A call that turns out to be another client's changes what the former client's calls mean.
    SELECT former_client_key, former_call_day FROM grouped_calls WHERE former_client_key IS NOT NULL
), same_days AS MATERIALIZED (
    SELECT
        h.pbx_id, h.linkedid, h.client_key, h.call_day, h.started_at, h.direction, h.answered_at, h.status,
        h.first_contact, h.needs_attention
    FROM keys AS k
    JOIN call_history AS h USING (client_key, call_day)
    WHERE h.gone_at IS NULL
        AND NOT EXISTS (
            SELECT FROM grouped_calls AS g WHERE g.is_held AND g.pbx_id = h.pbx_id AND g.linkedid = h.linkedid
        )
), earliest AS MATERIALIZED (
    SELECT f.*
    FROM (SELECT DISTINCT client_key FROM keys) AS k
    CROSS JOIN LATERAL (
        SELECT
            h.pbx_id, h.linkedid, h.client_key, h.call_day, h.started_at, h.direction, h.answered_at, h.status,
            h.first_contact, h.needs_attention
        FROM call_history AS h
        WHERE h.client_key = k.client_key AND h.gone_at IS NULL
            AND NOT EXISTS (
                SELECT FROM grouped_calls AS g
                WHERE g.is_held AND g.pbx_id = h.pbx_id AND g.linkedid = h.linkedid
            )
        ORDER BY h.call_day, h.started_at, h.pbx_id, h.linkedid
        LIMIT 1
    ) AS f
), firsts AS (
    SELECT DISTINCT ON (client_key) client_key, pbx_id, linkedid
    FROM (
        SELECT client_key, pbx_id, linkedid, call_day, started_at FROM grouped_calls WHERE client_key IS NOT NULL
        UNION ALL
        SELECT client_key, pbx_id, linkedid, call_day, started_at FROM earliest
    ) AS candidates
    ORDER BY client_key, call_day, started_at, pbx_id, linkedid
), talks AS (
    SELECT client_key, call_day, max(started_at) FILTER (WHERE answered_at IS NOT NULL) AS last_talk_at
    FROM (
        SELECT client_key, call_day, started_at, answered_at FROM grouped_calls WHERE client_key IS NOT NULL
        UNION ALL
        SELECT client_key, call_day, started_at, answered_at FROM same_days
    ) AS calls
    GROUP BY client_key, call_day
), looked_at AS (
    SELECT
        call_no, pbx_id, linkedid, client_key, call_day, started_at, direction, answered_at, status,
        former_status, was_first, needed_attention
    FROM grouped_calls
    WHERE legs IS NOT NULL
    UNION ALL
    SELECT
        NULL, pbx_id, linkedid, client_key, call_day, started_at, direction, answered_at, status, status,
        first_contact, needs_attention
    FROM (SELECT * FROM same_days UNION SELECT * FROM earliest) AS others
), judged AS (
    SELECT
        c.call_no, c.pbx_id, c.linkedid, c.status, c.former_status, c.was_first, c.needed_attention,
        f.linkedid IS NOT NULL AS first_contact,
        CASE
            WHEN t.client_key IS NOT NULL
                THEN c.direction = 'in' AND c.answered_at IS NULL AND (c.started_at < t.last_talk_at) IS NOT TRUE
            ELSE c.call_no IS NULL AND c.needed_attention
        END AS needs_attention
    FROM looked_at AS c
    LEFT JOIN firsts AS f USING (client_key, pbx_id, linkedid)
    LEFT JOIN talks AS t USING (client_key, call_day)
), decided AS MATERIALIZED (
    SELECT
        call_no, pbx_id, linkedid, first_contact, needs_attention, new_status,
        (former_status, was_first, needed_attention)
            IS DISTINCT FROM (new_status, first_contact, needs_attention) AS is_different
    FROM judged
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN status IN ('no_answer', 'lost') AND first_contact AND needs_attention THEN 'lost'
            WHEN status = 'lost' THEN 'no_answer'
            ELSE status
        END AS new_status
    ) AS s
), judged_anew AS (
    UPDATE call_history AS h
    SET first_contact = d.first_contact, needs_attention = d.needs_attention, status = d.new_status
    FROM decided AS d
    WHERE d.call_no IS NULL AND d.is_different AND h.pbx_id = d.pbx_id AND h.linkedid = d.linkedid
), changed AS (
    UPDATE call_history AS h
    SET call_day = g.call_day, started_at = g.started_at, answered_at = g.answered_at, ended_at = g.ended_at,
        direction = g.direction, status = d.new_status, client_number = g.client_number, did = g.did,
        duration_seconds = g.duration_seconds, talk_seconds = g.talk_seconds, wait_seconds = g.wait_seconds,
        legs = g.legs, extensions = g.extensions, employees = g.employees, gone_at = NULL,
        first_contact = d.first_contact, needs_attention = d.needs_attention
    FROM grouped_calls AS g
    JOIN decided AS d USING (call_no)
    WHERE g.is_held AND (d.is_different OR NOT g.is_same)
        AND h.pbx_id = g.pbx_id AND h.linkedid = g.linkedid
), gone AS (
    UPDATE call_history AS h
    SET gone_at = now(), first_contact = false, needs_attention = false,
        status = CASE h.status WHEN 'lost' THEN 'no_answer' ELSE h.status END
    FROM grouped_calls AS g
    WHERE g.legs IS NULL AND NOT g.is_same AND h.pbx_id = g.pbx_id AND h.linkedid = g.linkedid
)
INSERT INTO call_history (
    pbx_id, linkedid, call_day, started_at, answered_at, ended_at, direction, status, client_number, did,
    duration_seconds, talk_seconds, wait_seconds, legs, extensions, employees, first_contact, needs_attention
)
SELECT
    g.pbx_id, g.linkedid, g.call_day, g.started_at, g.answered_at, g.ended_at, g.direction, d.new_status,
    g.client_number, g.did, g.duration_seconds, g.talk_seconds, g.wait_seconds, g.legs, g.extensions, g.employees,
    d.first_contact, d.needs_attention
FROM grouped_calls AS g
JOIN decided AS d USING (call_no)
WHERE NOT g.is_held
