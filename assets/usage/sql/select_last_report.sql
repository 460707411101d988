SELECT report_id, document, refused_because, built_at FROM usage_metrics ORDER BY report_id DESC LIMIT 1
