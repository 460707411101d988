"""Asset checks: rules the tables must keep, each a query that returns the rows breaking it."""
