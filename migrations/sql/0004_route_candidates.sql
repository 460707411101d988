-- Who could answer a number, by which rule, available or not; the rungs of switchboard.route().
CREATE FUNCTION switchboard.route_candidates(
    asked text, client text, at timestamptz, live_version bigint, is_stale boolean, last_talker_days double precision
)
RETURNS TABLE (
    step integer, rank integer, employee_id text, reason text, score double precision, share double precision
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        1, CAST(row_number() OVER (ORDER BY p.recorded_at DESC, p.pin_id DESC) AS integer), p.employee_id, 'pin',
        CAST(NULL AS double precision), CAST(NULL AS double precision)
    FROM switchboard.routing_pins AS p
    -- A pinned number keeps its pin whoever owns it.
    WHERE p.client_id IN (client, 'tel:' || asked) AND p.revoked_at IS NULL
        AND p.pinned_from <= at AND (p.pinned_until IS NULL OR p.pinned_until > at)
    UNION ALL
    SELECT
        CASE WHEN r.reason = 'crm_owner' THEN 2 WHEN r.reason IN ('rank', 'kept') THEN 3 ELSE 5 END,
        r.rank, r.employee_id, r.reason, r.score, r.share
    FROM switchboard.routing_table AS r
    WHERE r.number = asked AND r.version <= live_version
        AND (r.until_version IS NULL OR r.until_version > live_version)
        AND (r.reason = 'crm_owner' OR NOT is_stale)
    UNION ALL
    (
        SELECT 4, 1, i.employee_id, 'last_talker', NULL, NULL
        FROM switchboard.tracked_interactions AS i
        WHERE i.client_id = client AND i.kind = 'call' AND i.role = 'talker'
            AND i.at <= route_candidates.at AND i.at > route_candidates.at - make_interval(days => 1) * last_talker_days
        ORDER BY i.at DESC, i.employee_id
        LIMIT 1
    )
$$
