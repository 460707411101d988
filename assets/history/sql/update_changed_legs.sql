-- Legs we hold whose facts are different now; their calls, old and new, are touched.
WITH changed AS (
    SELECT m.*, l.linkedid AS former_linkedid
    FROM mapped_legs AS m
    JOIN call_legs AS l ON l.pbx_id = :pbx_id AND l.leg_id = m.leg_id
    WHERE m.problem IS NULL
        AND (
            l.gone_at IS NOT NULL
            OR (
                l.linkedid, l.started_at, l.answered_at, l.ended_at, l.src_number, l.dst_number,
                l.src_extension, l.dst_extension, l.did, l.disposition, l.duration_seconds, l.talk_seconds,
                l.is_app, l.recording, l.raw
            ) IS DISTINCT FROM (
                m.linkedid, m.started_at, m.answered_at, m.ended_at, m.src_number, m.dst_number,
                m.src_extension, m.dst_extension, m.did, m.disposition, m.duration_seconds, m.talk_seconds,
                m.is_app, m.recording, m.raw
            )
        )
), updated AS (
    UPDATE call_legs AS l
    SET linkedid = c.linkedid, source_row_id = c.source_row_id, started_at = c.started_at,
        answered_at = c.answered_at, ended_at = c.ended_at, src_number = c.src_number,
        dst_number = c.dst_number, src_extension = c.src_extension, dst_extension = c.dst_extension,
        did = c.did, disposition = c.disposition, duration_seconds = c.duration_seconds,
        talk_seconds = c.talk_seconds, is_app = c.is_app, recording = c.recording, raw = c.raw, gone_at = NULL
    FROM changed AS c
    WHERE l.pbx_id = :pbx_id AND l.leg_id = c.leg_id
    RETURNING c.linkedid, c.former_linkedid
), touched AS (
    INSERT INTO touched_calls (pbx_id, linkedid)
    SELECT :pbx_id, linkedid FROM updated
    UNION
    SELECT :pbx_id, former_linkedid FROM updated
)
SELECT count(*) FROM updated
