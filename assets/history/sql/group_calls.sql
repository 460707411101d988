-- Touched calls made anew from their legs, beside what `call_history` holds of them; a call without a leg left
-- comes out without facts. Rules after the 1C side of MIKO's history load: direction from the first leg, the
-- client is its outside party, talk leaves internal consultations out, answered means a person talked.
WITH legs AS MATERIALIZED (
    SELECT
        t.call_no, l.leg_id, l.call_day, l.started_at, l.answered_at, l.ended_at, l.src_number, l.dst_number,
        l.src_extension, l.dst_extension, l.did, l.disposition, l.talk_seconds, l.is_app
    FROM numbered_calls AS t
    JOIN call_legs AS l USING (pbx_id, linkedid)
    WHERE l.gone_at IS NULL
), ordered AS (
    -- One and the same order everywhere, so that the legs are sorted once.
    SELECT
        call_no,
        min(started_at) AS started_at,
        max(ended_at) AS ended_at,
        count(*) AS legs,
        min(call_day) AS first_leg_day, max(call_day) AS last_leg_day,
        min(coalesce(answered_at, started_at)) FILTER (WHERE talk_seconds > 0) AS answered_at,
        bool_and(is_app) AS only_apps,
        max(did) AS did,
        (array_agg(src_number ORDER BY started_at, leg_id))[1] AS src_number,
        (array_agg(src_extension ORDER BY started_at, leg_id))[1] AS src_extension,
        array_agg(dst_number ORDER BY started_at, leg_id) AS dst_numbers,
        array_agg(dst_extension ORDER BY started_at, leg_id) AS dst_extensions,
        array_agg(disposition ORDER BY started_at, leg_id) AS dispositions,
        array_agg(dst_number ORDER BY started_at, leg_id) FILTER (WHERE NOT is_app) AS person_numbers,
        array_agg(dst_extension ORDER BY started_at, leg_id) FILTER (WHERE NOT is_app) AS person_extensions,
        array_agg(disposition ORDER BY started_at, leg_id) FILTER (WHERE NOT is_app) AS person_dispositions
    FROM legs
    GROUP BY call_no
), firsts AS (
    SELECT
        *,
        CAST(started_at AT TIME ZONE :business_zone AS date) AS call_day,
        number_key(src_number) AS src_key,
        -- A menu or queue rung first says nothing of whom the caller wanted; the first person does.
        CASE WHEN only_apps THEN dst_numbers[1] ELSE person_numbers[1] END AS dst_number,
        CASE WHEN only_apps THEN dst_extensions[1] ELSE person_extensions[1] END AS dst_extension,
        number_key(CASE WHEN only_apps THEN dst_numbers[1] ELSE person_numbers[1] END) AS dst_key,
        CASE
            WHEN only_apps THEN dispositions[legs]
            ELSE person_dispositions[cardinality(person_dispositions)]
        END AS last_disposition
    FROM ordered
    OFFSET 0
), judged AS MATERIALIZED (
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
        l.call_no,
        sum(l.talk_seconds) FILTER (
            WHERE CASE j.direction
                WHEN 'in' THEN number_key(l.src_number) IS NOT DISTINCT FROM j.src_key
                WHEN 'out' THEN j.dst_key IN (number_key(l.src_number), number_key(l.dst_number))
                ELSE true
            END
        ) AS talk_seconds
    FROM legs AS l
    JOIN judged AS j USING (call_no)
    WHERE l.talk_seconds > 0
    GROUP BY l.call_no
), parts AS (
    SELECT l.call_no, side.extension, sum(l.talk_seconds) AS talk_seconds
    FROM legs AS l
    CROSS JOIN LATERAL (VALUES (l.src_extension), (l.dst_extension)) AS side(extension)
    WHERE side.extension IS NOT NULL
    GROUP BY l.call_no, side.extension
), people AS (
    SELECT
        p.call_no,
        array_agg(p.extension ORDER BY p.talk_seconds DESC, p.extension) AS extensions,
        array_agg(held.employee_id ORDER BY p.talk_seconds DESC, p.extension)
            FILTER (WHERE held.employee_id IS NOT NULL) AS employees
    FROM parts AS p
    JOIN judged AS j USING (call_no)
    LEFT JOIN employee_extensions AS held
        ON held.extension = p.extension AND j.call_day <@ daterange(held.valid_from, held.valid_to)
    GROUP BY p.call_no
), grouped AS (
    SELECT
        j.call_no, j.call_day, j.started_at, j.answered_at, j.ended_at, j.direction,
        -- 'lost' is a judgement on top of 'no_answer', made where the client's other calls are known.
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
        CASE j.direction WHEN 'in' THEN j.src_key WHEN 'out' THEN j.dst_key END AS client_key,
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
        coalesce(p.employees, '{}') AS employees,
        j.first_leg_day, j.last_leg_day
    FROM judged AS j
    LEFT JOIN talks AS t USING (call_no)
    LEFT JOIN people AS p USING (call_no)
)
INSERT INTO grouped_calls (
    call_no, pbx_id, linkedid, call_day, started_at, answered_at, ended_at, direction, status, client_number, client_key,
    did, duration_seconds, talk_seconds, wait_seconds, legs, extensions, employees, is_held, is_same,
    has_other_leg_days, former_client_key, former_call_day, former_status, was_first, needed_attention
)
SELECT
    t.call_no, t.pbx_id, t.linkedid, g.call_day, g.started_at, g.answered_at, g.ended_at, g.direction, g.status,
    g.client_number, g.client_key, g.did, g.duration_seconds, g.talk_seconds, g.wait_seconds, g.legs,
    g.extensions, g.employees,
    h.pbx_id IS NOT NULL,
    h.pbx_id IS NOT NULL AND CASE
        WHEN g.call_no IS NULL THEN h.gone_at IS NOT NULL
        ELSE h.gone_at IS NULL
            AND (
                h.call_day, h.started_at, h.answered_at, h.ended_at, h.direction,
                CASE h.status WHEN 'lost' THEN 'no_answer' ELSE h.status END,
                h.client_number, h.did, h.duration_seconds, h.talk_seconds, h.wait_seconds, h.legs,
                h.extensions, h.employees
            ) IS NOT DISTINCT FROM (
                g.call_day, g.started_at, g.answered_at, g.ended_at, g.direction, g.status,
                g.client_number, g.did, g.duration_seconds, g.talk_seconds, g.wait_seconds, g.legs,
                g.extensions, g.employees
            )
    END,
    coalesce(g.call_day <> ANY (ARRAY[g.first_leg_day, g.last_leg_day, coalesce(h.call_day, g.call_day)]), false),
    h.client_key, h.call_day, h.status, h.first_contact, h.needs_attention
FROM numbered_calls AS t
LEFT JOIN grouped AS g USING (call_no)
LEFT JOIN call_history AS h USING (pbx_id, linkedid)
WHERE g.call_no IS NOT NULL OR h.pbx_id IS NOT NULL
