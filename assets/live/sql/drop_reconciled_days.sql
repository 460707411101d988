DELETE FROM call_events_reconciliation WHERE call_day BETWEEN :first_day AND :last_day
