-- Of Dagster's own log: events of assets that newer ones have taken the place of.
-- The newest of each kind stays for each partition: what the UI knows of each day. Of assets without partitions the last
-- of each day stays: their plots. (Partition status follows the highest id of a kind.)
--   before   UTC, without a zone, as Dagster keeps it
WITH placed AS (
    SELECT
        id, "timestamp",
        row_number() OVER (
            PARTITION BY
                asset_key, "partition", dagster_event_type,
                CASE WHEN "partition" IS NULL THEN CAST("timestamp" AS date) END
            ORDER BY id DESC
        ) AS place
    FROM event_logs
    WHERE asset_key IS NOT NULL
        AND dagster_event_type IN ('ASSET_MATERIALIZATION', 'ASSET_MATERIALIZATION_PLANNED', 'ASSET_OBSERVATION')
), deleted AS (
    DELETE FROM event_logs AS e
    USING placed AS p
    WHERE e.id = p.id AND p.place > 1 AND p."timestamp" < :before
    RETURNING e.id
), untagged AS (
    DELETE FROM asset_event_tags AS t
    USING deleted AS d
    WHERE t.event_id = d.id
)
SELECT count(*) FROM deleted
