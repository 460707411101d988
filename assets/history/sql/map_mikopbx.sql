-- Rows of MikoPBX's cdr_general (REST v3 and get_data alike) to legs.
-- Dispositions after WorkerCdr::setDisposition: talk time decides, else DIALSTATUS is what is kept.
WITH read_rows AS MATERIALIZED (
    SELECT
        s.row_number,
        -- Links with a token change at every reading: they are no fact about the call.
        s.raw - 'playback_url' - 'download_url' AS raw,
        nullif(r."UNIQUEID", '') AS leg_id,
        nullif(r.linkedid, '') AS linkedid,
        CASE WHEN pg_input_is_valid(r.id, 'bigint') THEN r.id::bigint END AS source_row_id,
        CASE WHEN pg_input_is_valid(r.start, 'timestamp') THEN r.start::timestamp END AS start_local,
        CASE WHEN pg_input_is_valid(r.answer, 'timestamp') THEN r.answer::timestamp END AS answer_local,
        CASE WHEN pg_input_is_valid(r.endtime, 'timestamp') THEN r.endtime::timestamp END AS end_local,
        CASE WHEN r.duration ~ '^\d{1,8}$' THEN r.duration::integer END AS duration_seconds,
        CASE WHEN r.billsec ~ '^\d{1,8}$' THEN r.billsec::integer END AS billsec,
        to_timestamp(substring(r."UNIQUEID" FROM '(\d{9,10})\.\d')::double precision) AS created_at,
        nullif(btrim(r.src_num), '') AS src_number,
        nullif(btrim(r.dst_num), '') AS dst_number,
        nullif(r.did, '') AS did,
        upper(replace(coalesce(r.disposition, ''), ' ', '')) AS disposition,
        coalesce(r.is_app, '') = '1'
            OR r.dst_chan LIKE 'Queue:%' OR r.dst_chan LIKE 'App:%' AS is_app,
        nullif(r.recordingfile, '') AS recording,
        r.start AS start_text, r.duration AS duration_text, r.billsec AS billsec_text
    FROM staged_rows AS s
    CROSS JOIN LATERAL jsonb_to_record(s.raw) AS r(
        id text, "UNIQUEID" text, linkedid text, start text, answer text, endtime text, duration text,
        billsec text, src_num text, dst_num text, dst_chan text, did text, disposition text, is_app text,
        recordingfile text
    )
), timed AS MATERIALIZED (
    SELECT *, instant_of(start_local, :zone, created_at) AS started_at
    FROM read_rows
)
INSERT INTO mapped_legs
SELECT
    row_number, leg_id, linkedid, source_row_id, started_at,
    CASE WHEN billsec > 0 THEN instant_of(answer_local, :zone, started_at) END AS answered_at,
    CASE
        WHEN instant_of(end_local, :zone, started_at) >= started_at
            THEN instant_of(end_local, :zone, started_at)
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
FROM timed
