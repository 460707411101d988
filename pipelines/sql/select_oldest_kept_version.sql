-- The oldest version of the routing table to keep whole: the newest that was built before the limit was what was
-- current at the limit; the one that answers and the one a rollback would go to stay besides.
SELECT least(
    max(v.version),
    (SELECT p.version FROM published_routing AS p),
    (SELECT p.previous_version FROM published_routing AS p)
)
FROM routing_versions AS v
WHERE v.built_at < now() - make_interval(days => :days)
HAVING count(*) > 0
