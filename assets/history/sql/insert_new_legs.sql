-- Legs we do not hold. The anti-join beats ON CONFLICT by a third; the key still guards it.
WITH inserted AS (
    INSERT INTO call_legs (
        pbx_id, leg_id, linkedid, call_day, source_row_id, started_at, answered_at, ended_at, src_number,
        dst_number, src_extension, dst_extension, did, disposition, duration_seconds, talk_seconds, is_app,
        recording, raw
    )
    SELECT
        :pbx_id, m.leg_id, m.linkedid, CAST(m.started_at AT TIME ZONE :business_zone AS date), m.source_row_id,
        m.started_at, m.answered_at, m.ended_at, m.src_number, m.dst_number, m.src_extension, m.dst_extension,
        m.did, m.disposition, m.duration_seconds, m.talk_seconds, m.is_app, m.recording, m.raw
    FROM mapped_legs AS m
    WHERE m.problem IS NULL
        AND NOT EXISTS (SELECT FROM call_legs AS l WHERE l.pbx_id = :pbx_id AND l.leg_id = m.leg_id)
    RETURNING linkedid
), touched AS (
    INSERT INTO touched_calls (pbx_id, linkedid)
    SELECT DISTINCT :pbx_id, linkedid FROM inserted
)
SELECT count(*) FROM inserted
