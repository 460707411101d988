-- Touched calls made anew from their legs; only calls that came out different are written.
-- Rules after the 1C side of MIKO's history load: direction from the first leg, the client is its outside
-- party, talk leaves internal consultations out, answered means a person talked.
WITH legs AS (
    SELECT l.*, number_key(l.src_number) AS src_key, number_key(l.dst_number) AS dst_key
    FROM call_legs AS l
    WHERE l.gone_at IS NULL
        AND (l.pbx_id, l.linkedid) IN (SELECT t.pbx_id, t.linkedid FROM touched_calls AS t)
), firsts AS (
    SELECT
        pbx_id, linkedid,
        min(started_at) AS started_at,
        max(ended_at) AS ended_at,
        count(*) AS legs,
        min(coalesce(answered_at, started_at)) FILTER (WHERE talk_seconds > 0) AS answered_at,
        (array_agg(src_number ORDER BY started_at, leg_id))[1] AS src_number,
        (array_agg(src_extension ORDER BY started_at, leg_id))[1] AS src_extension,
        (array_agg(src_key ORDER BY started_at, leg_id))[1] AS src_key,
        -- A menu or queue rung first says nothing of whom the caller wanted; the first person does.
        (array_agg(dst_number ORDER BY is_app, started_at, leg_id))[1] AS dst_number,
        (array_agg(dst_extension ORDER BY is_app, started_at, leg_id))[1] AS dst_extension,
        (array_agg(dst_key ORDER BY is_app, started_at, leg_id))[1] AS dst_key,
        (array_agg(disposition ORDER BY is_app, started_at DESC, leg_id DESC))[1] AS last_disposition,
        bool_and(is_app) AS only_apps,
        max(did) AS did
    FROM legs
    GROUP BY pbx_id, linkedid
), judged AS (
    SELECT
        *,
        CASE
            WHEN src_extension IS NULL THEN 'in'
            WHEN dst_extension IS NULL AND NOT only_apps AND length(dst_key) >= 5 THEN 'out'
            ELSE 'internal'
        END AS direction
    FROM firsts
), talks AS (
    SELECT
        l.pbx_id, l.linkedid,
        sum(l.talk_seconds) FILTER (
            WHERE CASE j.direction
                WHEN 'in' THEN l.src_key IS NOT DISTINCT FROM j.src_key
                WHEN 'out' THEN j.dst_key IN (l.src_key, l.dst_key)
                ELSE true
            END
        ) AS talk_seconds
    FROM legs AS l
    JOIN judged AS j USING (pbx_id, linkedid)
    WHERE l.talk_seconds > 0
    GROUP BY l.pbx_id, l.linkedid
), sides AS (
    SELECT pbx_id, linkedid, call_day, dst_extension AS extension, talk_seconds FROM legs
    WHERE dst_extension IS NOT NULL
    UNION ALL
    SELECT l.pbx_id, l.linkedid, l.call_day, l.src_extension, l.talk_seconds FROM legs AS l
    WHERE l.src_extension IS NOT NULL
), parts AS (
    SELECT s.pbx_id, s.linkedid, s.extension, held.employee_id, sum(s.talk_seconds) AS talk_seconds
    FROM sides AS s
    JOIN judged AS j USING (pbx_id, linkedid)
    LEFT JOIN employee_extensions AS held
        ON held.extension = s.extension
        AND CAST(j.started_at AT TIME ZONE :business_zone AS date) <@ daterange(held.valid_from, held.valid_to)
    GROUP BY s.pbx_id, s.linkedid, s.extension, held.employee_id
), people AS (
    SELECT
        pbx_id, linkedid,
        array_agg(extension ORDER BY talk_seconds DESC, extension) AS extensions,
        array_agg(employee_id ORDER BY talk_seconds DESC, extension)
            FILTER (WHERE employee_id IS NOT NULL) AS employees
    FROM parts
    GROUP BY pbx_id, linkedid
), grouped AS (
    SELECT
        j.pbx_id, j.linkedid,
        CAST(j.started_at AT TIME ZONE :business_zone AS date) AS call_day,
        j.started_at, j.answered_at, j.ended_at, j.direction,
        CASE
            WHEN j.answered_at IS NOT NULL AND j.direction = 'in' THEN 'accepted'
            WHEN j.answered_at IS NOT NULL THEN 'reached'
            WHEN j.direction = 'in' THEN 'no_answer'
            WHEN j.last_disposition = 'BUSY' THEN 'busy'
            WHEN j.last_disposition = 'CANCEL' THEN 'cancelled'
            WHEN j.last_disposition IN ('NOANSWER', 'ANSWERED') THEN 'no_answer'
            ELSE 'failed'
        END AS status,
        CASE j.direction WHEN 'in' THEN j.src_number WHEN 'out' THEN j.dst_number END AS client_number,
        j.did,
        CAST(round(extract(epoch FROM j.ended_at - j.started_at)) AS integer) AS duration_seconds,
        -- Two legs may talk at once while a call is handed over; nobody talked longer than the call.
        least(
            coalesce(t.talk_seconds, 0), round(extract(epoch FROM j.ended_at - j.started_at))
        )::integer AS talk_seconds,
        CAST(
            extract(epoch FROM coalesce(j.answered_at, j.ended_at) - j.started_at) AS integer
        ) AS wait_seconds,
        CAST(j.legs AS integer) AS legs,
        coalesce(p.extensions, '{}') AS extensions,
        coalesce(p.employees, '{}') AS employees
    FROM judged AS j
    LEFT JOIN talks AS t USING (pbx_id, linkedid)
    LEFT JOIN people AS p USING (pbx_id, linkedid)
), changed AS (
    SELECT g.*, h.client_key AS former_client_key, h.call_day AS former_call_day
    FROM grouped AS g
    LEFT JOIN call_history AS h USING (pbx_id, linkedid)
    WHERE h.pbx_id IS NULL
        OR h.gone_at IS NOT NULL
        OR (
            h.call_day, h.started_at, h.answered_at, h.ended_at, h.direction,
            -- 'lost' is a judgement on top of 'no_answer', made by judge_contacts.
            CASE h.status WHEN 'lost' THEN 'no_answer' ELSE h.status END,
            h.client_number, h.did, h.duration_seconds, h.talk_seconds, h.wait_seconds, h.legs, h.extensions,
            h.employees
        ) IS DISTINCT FROM (
            g.call_day, g.started_at, g.answered_at, g.ended_at, g.direction, g.status,
            g.client_number, g.did, g.duration_seconds, g.talk_seconds, g.wait_seconds, g.legs, g.extensions,
            g.employees
        )
), left_behind AS (
    -- A call that turns out to be another client's changes what the former client's calls mean.
    INSERT INTO touched_clients_days (client_key, call_day)
    SELECT former_client_key, former_call_day FROM changed WHERE former_client_key IS NOT NULL
)
INSERT INTO call_history (
    pbx_id, linkedid, call_day, started_at, answered_at, ended_at, direction, status, client_number, did,
    duration_seconds, talk_seconds, wait_seconds, legs, extensions, employees
)
SELECT
    pbx_id, linkedid, call_day, started_at, answered_at, ended_at, direction, status, client_number, did,
    duration_seconds, talk_seconds, wait_seconds, legs, extensions, employees
FROM changed
ON CONFLICT (pbx_id, linkedid) DO UPDATE SET
    call_day = excluded.call_day, started_at = excluded.started_at, answered_at = excluded.answered_at,
    ended_at = excluded.ended_at, direction = excluded.direction, status = excluded.status,
    client_number = excluded.client_number, did = excluded.did,
    duration_seconds = excluded.duration_seconds, talk_seconds = excluded.talk_seconds,
    wait_seconds = excluded.wait_seconds, legs = excluded.legs, extensions = excluded.extensions,
    employees = excluded.employees, gone_at = NULL,
    first_contact = call_history.first_contact AND number_key(excluded.client_number) IS NOT NULL,
    needs_attention = call_history.needs_attention AND number_key(excluded.client_number) IS NOT NULL
