-- Timelines of changed numbers make room for the new ones.
DELETE FROM number_owners WHERE number IN (SELECT number FROM changed_numbers)
