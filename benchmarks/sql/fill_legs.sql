-- Calls of one answered leg each, evenly over the days before `until`.
INSERT INTO call_legs (
    pbx_id, leg_id, linkedid, call_day, source_row_id, started_at, answered_at, ended_at, src_number, dst_number,
    src_extension, dst_extension, did, disposition, duration_seconds, talk_seconds, is_app, recording, raw
)
SELECT
    'bench', 'leg-' || n, 'call-' || n, CAST(t.started_at AT TIME ZONE 'Europe/Moscow' AS date), n, t.started_at,
    t.started_at + interval '10 s', t.started_at + interval '70 s',
    '+7495' || lpad(CAST(n::bigint * 7919 % greatest(:calls / 20, 1) AS text), 7, '0'), e.extension,
    NULL, e.extension, '74957770010', 'ANSWERED', 70, 60, false, NULL, '{}'
FROM generate_series(1, CAST(:calls AS integer)) AS n
CROSS JOIN LATERAL (
    SELECT CAST(:until AS timestamptz) - make_interval(secs => n * 86400.0 / :per_day) AS started_at
) AS t
CROSS JOIN LATERAL (
    -- A client's calls go to three people.
    SELECT CAST(200 + (n % 25 + n / 100003 % 3) % 25 AS text) AS extension
) AS e
