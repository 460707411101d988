-- The rows of a number in the version that answers.
SELECT r.*
FROM published_routing AS live
JOIN routing_table AS r
    ON r.number = :number AND r.version <= live.version
    AND (r.until_version IS NULL OR r.until_version > live.version)
ORDER BY r.rank
