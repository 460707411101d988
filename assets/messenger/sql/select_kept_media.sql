-- Which of these files other messages still show, or may still send.
SELECT sha256 FROM message_media WHERE state = 'kept' AND sha256 = ANY(:hashes)
UNION
SELECT sha256 FROM outbox WHERE state <> 'accepted' AND sha256 = ANY(:hashes)
