-- How the outbox stands.
SELECT
    count(*) FILTER (WHERE state = 'queued') AS queued,
    coalesce(round(extract(epoch FROM now() - min(written_at) FILTER (WHERE state = 'queued'))), 0)::integer
        AS oldest_waits_seconds,
    count(*) FILTER (WHERE state = 'unknown') AS unknown,
    count(*) FILTER (WHERE state = 'unknown' AND settled_at < now() - make_interval(mins => :minutes))
        AS unknown_for_long,
    count(*) FILTER (WHERE state = 'needs_template') AS needs_template
FROM outbox
WHERE state IN ('queued', 'unknown', 'needs_template')
