INSERT INTO sent_usage_metrics (report_id, outcome) VALUES (:report_id, :outcome)
ON CONFLICT (report_id) DO UPDATE SET outcome = excluded.outcome, tried_at = now()
