-- The live table, if nobody has verified it in time: its answers leave the ranks out.
SELECT version, verified_at, stale_at FROM published_routing WHERE stale_at <= now()
