"""Alembic's migrations of the warehouse; run by `resources.warehouse.migrate` or `switchboard migrate`."""
