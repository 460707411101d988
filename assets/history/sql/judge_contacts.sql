-- What a call means among the other calls of the same client:
--   first_contact   no earlier call with this number;
--   needs_attention an inbound call nobody answered, and no talk with this client later that day;
--   lost            such a call that was also the first contact.
-- Looked at again: for each touched client, the calls of the touched days, the earliest call, and the call
-- that was held for the first until now.
WITH keys AS MATERIALIZED (
    SELECT DISTINCT h.client_key, h.call_day
    FROM (SELECT DISTINCT pbx_id, linkedid FROM touched_calls) AS t
    JOIN call_history AS h USING (pbx_id, linkedid)
    WHERE h.client_key IS NOT NULL
    UNION
    SELECT client_key, call_day FROM touched_clients_days
), clients AS MATERIALIZED (
    SELECT DISTINCT client_key FROM keys
), firsts AS MATERIALIZED (
    SELECT f.*
    FROM clients AS k
    CROSS JOIN LATERAL (
        SELECT h.pbx_id, h.linkedid, h.client_key, h.call_day, h.started_at, h.direction, h.answered_at, h.gone_at,
            h.status, h.first_contact, h.needs_attention
        FROM call_history AS h
        WHERE h.client_key = k.client_key AND h.gone_at IS NULL
        ORDER BY h.call_day, h.started_at, h.pbx_id, h.linkedid
        LIMIT 1
    ) AS f
), looked_at AS (
    SELECT h.pbx_id, h.linkedid, h.client_key, h.call_day, h.started_at, h.direction, h.answered_at, h.gone_at,
        h.status, h.first_contact, h.needs_attention
    FROM keys AS k
    JOIN call_history AS h ON h.client_key = k.client_key AND h.call_day = k.call_day
    UNION
    SELECT * FROM firsts
    UNION
    SELECT h.pbx_id, h.linkedid, h.client_key, h.call_day, h.started_at, h.direction, h.answered_at, h.gone_at,
        h.status, h.first_contact, h.needs_attention
    FROM clients AS k
    JOIN call_history AS h ON h.client_key = k.client_key AND h.first_contact
), judged AS (
    SELECT
        c.pbx_id, c.linkedid, c.status,
        c.first_contact AS was_first, c.needs_attention AS needed_attention,
        f.linkedid IS NOT NULL AS first_contact,
        c.gone_at IS NULL AND c.direction = 'in' AND c.answered_at IS NULL
            AND NOT EXISTS (
                SELECT FROM call_history AS later
                WHERE later.client_key = c.client_key AND later.call_day = c.call_day
                    AND later.started_at > c.started_at AND later.answered_at IS NOT NULL
                    AND later.gone_at IS NULL
            ) AS needs_attention
    FROM looked_at AS c
    LEFT JOIN firsts AS f ON f.pbx_id = c.pbx_id AND f.linkedid = c.linkedid
), decided AS (
    SELECT
        *,
        CASE
            WHEN status IN ('no_answer', 'lost') AND first_contact AND needs_attention THEN 'lost'
            WHEN status = 'lost' THEN 'no_answer'
            ELSE status
        END AS new_status
    FROM judged
)
UPDATE call_history AS h
SET first_contact = d.first_contact, needs_attention = d.needs_attention, status = d.new_status
FROM decided AS d
WHERE h.pbx_id = d.pbx_id AND h.linkedid = d.linkedid
    AND (d.was_first, d.needed_attention, d.status)
        IS DISTINCT FROM (d.first_contact, d.needs_attention, d.new_status)
