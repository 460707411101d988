-- Whether a switch of the Dagster UI is on, as it was last read.
SELECT is_on FROM switchboard.switches WHERE name = %(name)s
