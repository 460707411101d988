SELECT report_id, refused_because, built_at
FROM usage_metrics
WHERE refused_because <> '' AND report_id = (SELECT max(report_id) FROM usage_metrics)
