"""Definitions, assets, schedules and checks as Dagster sees them."""
