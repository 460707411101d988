-- Dagster's own tables have a database of their own beside ours.
CREATE DATABASE dagster;
