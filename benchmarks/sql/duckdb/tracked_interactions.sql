-- Who talked how long with which client, and what it weighs; the columns of our table.
CREATE OR REPLACE TABLE tracked_interactions AS
WITH sides AS (
    SELECT
        h.pbx_id, h.linkedid, h.call_day, h.started_at, h.direction, e.party_id, e.number, l.talk_seconds,
        coalesce(e.party_id, 'tel:' || e.number) AS client_id,
        unnest([l.src_extension, l.dst_extension]) AS extension
    FROM 'call_history.parquet' AS h
    JOIN enriched_calls AS e ON e.pbx_id = h.pbx_id AND e.linkedid = h.linkedid
    JOIN 'call_legs.parquet' AS l ON l.pbx_id = h.pbx_id AND l.linkedid = h.linkedid
    WHERE h.direction <> 'internal' AND h.talk_seconds > 0 AND e.number IS NOT NULL AND h.gone_at IS NULL
        AND l.talk_seconds > 0 AND l.gone_at IS NULL
        AND h.client_key IN (
            right(regexp_replace(l.src_number, '\D', '', 'g'), 10),
            right(regexp_replace(l.dst_number, '\D', '', 'g'), 10)
        )
), talks AS (
    SELECT
        s.pbx_id, s.linkedid, s.call_day, s.started_at, s.direction, s.client_id, s.party_id, s.number,
        x.employee_id, sum(s.talk_seconds)::integer AS talk_seconds
    FROM sides AS s
    JOIN 'employee_extensions.parquet' AS x
        ON x.extension = s.extension
        AND coalesce(x.valid_from <= s.call_day, true) AND coalesce(s.call_day < x.valid_to, true)
    GROUP BY ALL
), roles AS (
    SELECT
        *,
        CASE
            WHEN row_number() OVER (PARTITION BY pbx_id, linkedid ORDER BY talk_seconds DESC, employee_id) = 1
                THEN 'talker'
            ELSE 'transferrer'
        END AS role
    FROM talks
    WHERE talk_seconds >= getvariable('shortest_talk_seconds')
)
SELECT
    'call' AS kind, pbx_id AS source, linkedid AS source_key, employee_id, call_day AS interaction_day,
    started_at AS "at", client_id, party_id, number, direction, role, talk_seconds,
    round(
        getvariable('call_weight') * ln(1 + least(talk_seconds, getvariable('longest_talk_seconds')) / 30.0)
        * CASE role WHEN 'talker' THEN getvariable('call_talker') ELSE getvariable('call_transferrer') END
        * CASE direction WHEN 'out' THEN getvariable('call_outbound') ELSE getvariable('call_inbound') END, 6
    ) AS weight
FROM roles
