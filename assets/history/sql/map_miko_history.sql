-- Legs of MIKO's history XML (`history_record` / `details` / `from` / `to`), as the 1C subsystem reads it.
-- Times carry their own offset; `answered` is to be trusted only where there was talk.
WITH read_rows AS MATERIALIZED (
    SELECT
        s.row_number, s.raw,
        -- The provider modules give every row of a call the call's own id: then only the whole tells legs apart.
        CASE
            WHEN r.call_id <> r.entire_id THEN nullif(r.call_id, '')
            WHEN r.call_id <> '' THEN concat_ws('/', r.call_id, r.started, r.from_number, r.to_number)
        END AS leg_id,
        nullif(r.entire_id, '') AS linkedid,
        CASE WHEN pg_input_is_valid(r.started, 'timestamptz') THEN r.started::timestamptz END AS started_at,
        CASE WHEN pg_input_is_valid(r.answered, 'timestamptz') THEN r.answered::timestamptz END AS answered_at,
        CASE WHEN pg_input_is_valid(r.finished, 'timestamptz') THEN r.finished::timestamptz END AS finished_at,
        CASE WHEN r.duration ~ '^\d{1,8}$' THEN r.duration::integer END AS duration_seconds,
        CASE WHEN r.conversation ~ '^\d{1,8}$' THEN r.conversation::integer END AS talk_seconds,
        nullif(r.from_number, '') AS src_number,
        nullif(r.to_number, '') AS dst_number,
        nullif(r.from_ext, '') AS from_ext,
        nullif(r.to_ext, '') AS to_ext,
        -- MIKO's own server names our number in line_number, the provider modules in line.
        coalesce(nullif(r.line_number, ''), substring(r.line FROM '^\+?\d{5,}$')) AS did,
        upper(replace(coalesce(r.status, ''), ' ', '')) AS disposition,
        coalesce(nullif(r.record_file, ''), nullif(r.voicemail, '')) AS recording,
        r.started AS started_text, r.duration AS duration_text, r.conversation AS conversation_text
    FROM staged_rows AS s
    CROSS JOIN LATERAL jsonb_to_record(s.raw) AS r(
        call_id text, entire_id text, started text, answered text, finished text, duration text,
        conversation text, from_number text, to_number text, from_ext text, to_ext text, line_number text,
        line text, status text, record_file text, voicemail text
    )
)
INSERT INTO mapped_legs
SELECT
    row_number, leg_id, linkedid,
    CASE WHEN pg_input_is_valid(raw ->> 'no', 'bigint') THEN (raw ->> 'no')::bigint END AS source_row_id,
    started_at,
    CASE WHEN talk_seconds > 0 AND answered_at BETWEEN started_at AND finished_at THEN answered_at END,
    CASE
        WHEN finished_at >= started_at THEN finished_at
        ELSE started_at + make_interval(secs => duration_seconds)
    END AS ended_at,
    src_number, dst_number,
    CASE WHEN from_ext NOT LIKE '@%' THEN from_ext END AS src_extension,
    CASE WHEN to_ext NOT LIKE '@%' THEN to_ext END AS dst_extension,
    did,
    CASE
        WHEN talk_seconds > 0 THEN 'ANSWERED'
        WHEN disposition IN ('', 'ANSWER', 'ANSWERED') THEN 'NOANSWER'
        ELSE disposition
    END AS disposition,
    greatest(duration_seconds, talk_seconds) AS duration_seconds,
    CASE WHEN to_ext LIKE '@%' THEN 0 ELSE talk_seconds END AS talk_seconds,
    coalesce(to_ext LIKE '@%', false) AS is_app,
    recording, raw,
    CASE
        WHEN leg_id IS NULL THEN 'call_id is empty'
        WHEN linkedid IS NULL THEN 'entire_id is empty'
        WHEN started_at IS NULL THEN format('started is not a date and time: %s', coalesce(started_text, 'absent'))
        WHEN duration_seconds IS NULL
            THEN format('duration is not a number of seconds: %s', coalesce(duration_text, 'absent'))
        WHEN talk_seconds IS NULL
            THEN format('conversation is not a number of seconds: %s', coalesce(conversation_text, 'absent'))
    END AS problem
FROM read_rows
