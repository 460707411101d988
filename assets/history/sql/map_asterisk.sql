-- Rows of an Asterisk CDR (cdr_csv, cdr_custom, cdr_pgsql, cdr_adaptive_odbc, FreePBX) to legs.
--
-- A row tells of one party dialling another. A person was rung where `dstchannel` is a telephone or a line; all
-- else (menus, queues that rang nobody, parking, hang-up rows, Local and AppDial2 plumbing) is an application's.
-- `billsec` counts from when the calling channel was answered, be it by a machine: there was talk only where a
-- person was rung and the disposition is ANSWERED.
--
-- Times are a wall clock. The seconds in `uniqueid` tell when the channel was made, which settles the hour that
-- comes twice when summer time ends. If the clock was put back during a leg, its end stands before its start or
-- does not fit its `duration`, which is the truth then.
--
-- OFFSET 0 has each level worked out once per row, without the cost of keeping it that MATERIALIZED has.
WITH nameless AS (
    -- Rows without a sequence are known by what they say, equal ones by their order.
    SELECT row_number, content || '-' || row_number() OVER (PARTITION BY content ORDER BY row_number) AS content_id
    FROM (
        SELECT
            row_number,
            md5(concat_ws(
                '|', uniqueid, left(start, 19), left(answer, 19), left("end", 19), duration, billsec, disposition,
                src, dst, dcontext, clid, channel, dstchannel, lastapp, lastdata, accountcode, userfield
            )) AS content
        FROM staged_asterisk
        WHERE coalesce(uniqueid, '') = '' OR coalesce(sequence, '') = ''
            OR (sequence = '0' AND coalesce(linkedid, '') = '')  -- from before FreePBX had these columns
    ) AS contents
), parsed AS (
    SELECT
        s.row_number, s.dcontext,
        coalesce(n.content_id, s.uniqueid || '-' || s.sequence) AS leg_id,
        coalesce(nullif(s.linkedid, ''), nullif(s.uniqueid, ''), n.content_id) AS linkedid,
        CASE
            WHEN s.raw IS NULL
                THEN :first_row_id + s.row_number - (SELECT min(f.row_number) FROM staged_asterisk AS f)
        END AS source_row_id,
        CASE
            WHEN s.start LIKE '____-__-__ %' AND pg_input_is_valid(s.start, 'timestamp') THEN s.start::timestamp
        END AS start_local,
        CASE WHEN pg_input_is_valid(s.answer, 'timestamp') THEN s.answer::timestamp END AS answer_local,
        CASE WHEN pg_input_is_valid(s."end", 'timestamp') THEN s."end"::timestamp END AS end_local,
        CASE WHEN s.epoch_start ~ '^\d{9,10}\.\d+$' THEN to_timestamp(s.epoch_start::float8) END AS true_start,
        CASE WHEN s.epoch_answer ~ '^\d{9,10}\.\d+$' THEN to_timestamp(s.epoch_answer::float8) END AS true_answer,
        CASE WHEN s.epoch_end ~ '^\d{9,10}\.\d+$' THEN to_timestamp(s.epoch_end::float8) END AS true_end,
        split_part(split_part(s.uniqueid, '-', -1), '.', 1) AS created_text,
        -- A mapping may show fractions of a second.
        split_part(s.duration, '.', 1) AS duration_text,
        split_part(s.billsec, '.', 1) AS billsec_text,
        coalesce(nullif(btrim(s.src), ''), substring(s.clid FROM '<([^<>]+)>$')) AS src_number,
        CASE WHEN s.dst NOT IN ('', 's', 'h', 'i', 't', 'o', 'a', 'e') THEN btrim(s.dst) END AS dst_number,
        -- The name of a telephone or line, between the technology and a number of the channel's own.
        CASE
            WHEN split_part(s.channel, '/', 1) IN ('PJSIP', 'SIP', 'IAX2', 'SCCP', 'Skinny', 'MGCP', 'USTM')
                THEN split_part(left(s.channel, -1 - length(split_part(s.channel, '-', -1))), '/', 2)
        END AS src_name,
        CASE
            WHEN split_part(s.dstchannel, '/', 1) IN ('PJSIP', 'SIP', 'IAX2', 'SCCP', 'Skinny', 'MGCP', 'USTM')
                THEN split_part(left(s.dstchannel, -1 - length(split_part(s.dstchannel, '-', -1))), '/', 2)
        END AS dst_name,
        coalesce(split_part(s.dstchannel, '/', 1), '') IN (
            '', 'Local', 'Message', 'Surrogate', 'Announcer', 'Recorder', 'CBAnn', 'CBRec', 'Snoop', 'AsyncGoto',
            'AudioSocket', 'MulticastRTP', 'UnicastRTP', 'OutgoingSpoolFailed'
        ) AS is_app,
        CASE s.disposition
            WHEN 'ANSWERED' THEN 'ANSWERED'
            WHEN '8' THEN 'ANSWERED'
            WHEN '4' THEN 'BUSY'
            WHEN '2' THEN 'FAILED'
            WHEN '16' THEN 'CONGESTION'
            WHEN '1' THEN 'NOANSWER'
            WHEN '0' THEN 'NOANSWER'
            WHEN '' THEN 'NOANSWER'
            ELSE coalesce(upper(replace(s.disposition, ' ', '')), 'NOANSWER')
        END AS disposition,
        coalesce(
            nullif(s.did, ''),
            CASE WHEN s.userfield LIKE '%did=%' THEN substring(s.userfield FROM 'did=(\+?\d{3,})') END
        ) AS told_did,
        nullif(s.recordingfile, '') AS recording,
        -- jsonb_object takes half the time of jsonb_build_object, taking out nulls as much again; and names in the
        -- order in which jsonb keeps them (by length, then by letters) save the sorting, a third of the rest.
        coalesce(s.raw, jsonb_object(
            '{dst, end, src, clid, start, answer, billsec, channel, lastapp, amaflags, dcontext, duration, lastdata,
            linkedid, sequence, uniqueid, userfield, dstchannel, accountcode, disposition, peeraccount}',
            ARRAY[
                s.dst, s."end", s.src, s.clid, s.start, s.answer, s.billsec, s.channel, s.lastapp, s.amaflags,
                s.dcontext, s.duration, s.lastdata, s.linkedid, s.sequence, s.uniqueid, s.userfield, s.dstchannel,
                s.accountcode, s.disposition, s.peeraccount
            ]
        )) AS raw,
        CASE
            WHEN s.raw IS NULL AND coalesce(s.epoch_start, s.epoch_answer, s.epoch_end, s.did, s.recordingfile) <> ''
                THEN jsonb_strip_nulls(jsonb_build_object(
                    'epoch_start', s.epoch_start, 'epoch_answer', s.epoch_answer, 'epoch_end', s.epoch_end,
                    'did', s.did, 'recordingfile', s.recordingfile
                ))
        END AS more_raw
    FROM staged_asterisk AS s
    LEFT JOIN nameless AS n ON n.row_number = s.row_number
    OFFSET 0
), typed AS (
    SELECT
        *,
        CASE
            WHEN length(created_text) IN (9, 10) AND pg_input_is_valid(created_text, 'bigint')
                THEN to_timestamp(created_text::bigint)
        END AS created_at,
        CASE
            WHEN pg_input_is_valid(duration_text, 'integer') AND duration_text NOT LIKE '-%'
                THEN duration_text::integer
        END AS duration,
        CASE
            WHEN pg_input_is_valid(billsec_text, 'integer') AND billsec_text NOT LIKE '-%' THEN billsec_text::integer
        END AS billsec,
        -- Telephones are often registered under a letter and their number: u203.
        CASE WHEN src_name ~ '^[A-Za-z]\d' THEN substr(src_name, 2) ELSE src_name END AS src_line,
        CASE WHEN dst_name ~ '^[A-Za-z]\d' THEN substr(dst_name, 2) ELSE dst_name END AS dst_line
    FROM parsed
    OFFSET 0
), timed AS (
    SELECT
        *,
        coalesce(true_start, instant_of(start_local, :zone, created_at)) AS started_at,
        make_interval(secs => duration) AS lasted,
        end_local - start_local BETWEEN make_interval(secs => duration) AND make_interval(secs => duration + 1)
            AS is_clock_steady,
        CASE
            WHEN src_line ~ :internal_pattern THEN src_line
            WHEN src_number ~ :internal_pattern THEN src_number
        END AS src_extension,
        CASE
            WHEN is_app THEN NULL
            WHEN dst_line ~ :internal_pattern THEN dst_line
            WHEN dst_number ~ :internal_pattern THEN dst_number
        END AS dst_extension
    FROM typed
    OFFSET 0
), ended AS (
    SELECT
        *,
        CASE
            WHEN true_end >= started_at THEN true_end
            WHEN is_clock_steady THEN started_at + (end_local - start_local)
            ELSE started_at + lasted
        END AS ended_at
    FROM timed
    OFFSET 0
)
INSERT INTO mapped_legs
SELECT
    row_number, leg_id, linkedid, source_row_id, started_at,
    CASE
        WHEN disposition <> 'ANSWERED' THEN NULL
        WHEN true_answer BETWEEN started_at AND ended_at THEN true_answer
        WHEN is_clock_steady AND answer_local BETWEEN start_local AND end_local
            THEN started_at + (answer_local - start_local)
        -- The clock was put back, or there is no such column (FreePBX).
        ELSE greatest(ended_at - make_interval(secs => billsec), started_at)
    END AS answered_at,
    ended_at, src_number, dst_number, src_extension, dst_extension,
    CASE
        WHEN told_did IS NOT NULL THEN told_did
        -- What came from outside and rang a telephone was dialled to a number of ours.
        WHEN src_extension IS NULL AND dst_extension IS NOT NULL AND length(dst_number) >= 5
            AND dcontext ~* 'trunk|pstn|did|inbound|incoming|external'
            THEN dst_number
    END AS did,
    disposition,
    greatest(duration, billsec) AS duration_seconds,
    CASE WHEN is_app OR disposition <> 'ANSWERED' THEN 0 ELSE billsec END AS talk_seconds,
    is_app, recording, coalesce(raw || more_raw, raw) AS raw,
    CASE
        WHEN started_at IS NULL
            THEN format('start is not a date and time: %s', coalesce(raw ->> 'start', raw ->> 'calldate', 'absent'))
        WHEN duration IS NULL
            THEN format('duration is not a number of seconds: %s', coalesce(raw ->> 'duration', 'absent'))
        WHEN billsec IS NULL
            THEN format('billsec is not a number of seconds: %s', coalesce(raw ->> 'billsec', 'absent'))
    END AS problem
FROM ended
