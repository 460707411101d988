-- Which of these files other messages still show.
SELECT DISTINCT sha256 FROM message_media WHERE state = 'kept' AND sha256 = ANY(:hashes)
