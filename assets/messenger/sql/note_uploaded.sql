UPDATE outbox SET media_id = :media_id WHERE outbox_id = :outbox_id
