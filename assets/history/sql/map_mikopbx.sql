-- Rows of MikoPBX's cdr_general (REST v3 and get_data alike) to legs.
-- Dispositions after WorkerCdr::setDisposition: talk time decides, else DIALSTATUS is what is kept.
--
-- OFFSET 0 has each level worked out once per row, without the cost of keeping it that MATERIALIZED has.
WITH picked AS (
    SELECT
        row_number,
        -- Links with a token change at every reading: they are no fact about the call.
        raw - CAST('{playback_url, download_url}' AS text[]) AS raw,
        raw ->> 'id' AS id, nullif(raw ->> 'UNIQUEID', '') AS leg_id, nullif(raw ->> 'linkedid', '') AS linkedid,
        raw ->> 'start' AS start_text, raw ->> 'answer' AS answer_text, raw ->> 'endtime' AS end_text,
        raw ->> 'duration' AS duration_text, raw ->> 'billsec' AS billsec_text,
        nullif(btrim(raw ->> 'src_num'), '') AS src_number, nullif(btrim(raw ->> 'dst_num'), '') AS dst_number,
        nullif(raw ->> 'did', '') AS did,
        upper(replace(coalesce(raw ->> 'disposition', ''), ' ', '')) AS disposition,
        raw ->> 'is_app' AS app_text, raw ->> 'dst_chan' AS dst_channel,
        nullif(raw ->> 'recordingfile', '') AS recording
    FROM staged_rows
    OFFSET 0
), typed AS (
    SELECT
        *,
        CASE WHEN pg_input_is_valid(id, 'bigint') THEN id::bigint END AS source_row_id,
        CASE WHEN pg_input_is_valid(start_text, 'timestamp') THEN start_text::timestamp END AS start_local,
        CASE WHEN pg_input_is_valid(answer_text, 'timestamp') THEN answer_text::timestamp END AS answer_local,
        CASE WHEN pg_input_is_valid(end_text, 'timestamp') THEN end_text::timestamp END AS end_local,
        CASE WHEN duration_text ~ '^\d{1,8}$' THEN duration_text::integer END AS duration_seconds,
        CASE WHEN billsec_text ~ '^\d{1,8}$' THEN billsec_text::integer END AS billsec,
        coalesce(app_text, '') = '1'
            OR dst_channel LIKE 'Queue:%' OR dst_channel LIKE 'App:%' AS is_app
    FROM picked
    OFFSET 0
), started AS (
    SELECT
        *,
        -- The seconds in UNIQUEID tell when the channel was made.
        instant_of(
            start_local, :zone, to_timestamp(substring(leg_id FROM '(\d{9,10})\.\d')::double precision)
        ) AS started_at
    FROM typed
    OFFSET 0
), ended AS (
    SELECT *, instant_of(end_local, :zone, started_at) AS shown_end_at
    FROM started
    OFFSET 0
)
INSERT INTO mapped_legs
SELECT
    row_number, leg_id, linkedid, source_row_id, started_at,
    CASE WHEN billsec > 0 THEN instant_of(answer_local, :zone, started_at) END AS answered_at,
    CASE
        WHEN shown_end_at >= started_at THEN shown_end_at
        ELSE started_at + make_interval(secs => duration_seconds)
    END AS ended_at,
    src_number, dst_number,
    CASE WHEN src_number ~ :internal_pattern THEN src_number END AS src_extension,
    CASE WHEN dst_number ~ :internal_pattern AND NOT is_app THEN dst_number END AS dst_extension,
    did,
    CASE
        WHEN billsec > 0 THEN 'ANSWERED'
        WHEN disposition IN ('', 'ANSWER', 'ANSWERED') THEN 'NOANSWER'
        ELSE disposition
    END AS disposition,
    greatest(duration_seconds, billsec) AS duration_seconds,
    CASE WHEN is_app THEN 0 ELSE billsec END AS talk_seconds,
    is_app, recording, raw,
    CASE
        WHEN leg_id IS NULL THEN 'UNIQUEID is empty'
        WHEN linkedid IS NULL THEN 'linkedid is empty'
        WHEN start_local IS NULL THEN format('start is not a date and time: %s', coalesce(start_text, 'absent'))
        WHEN duration_seconds IS NULL
            THEN format('duration is not a number of seconds: %s', coalesce(duration_text, 'absent'))
        WHEN billsec IS NULL
            THEN format('billsec is not a number of seconds: %s', coalesce(billsec_text, 'absent'))
    END AS problem
FROM ended
