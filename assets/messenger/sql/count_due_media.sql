SELECT count(*)
FROM message_media
WHERE account = ANY(:accounts) AND state = 'waiting' AND next_try_at <= clock_timestamp()
