-- Calls of these numbers are to be looked at again, also those that came in another notation.
INSERT INTO numbers_to_relink (number, national_number)
SELECT number, national_number FROM number_owners WHERE number IN (SELECT number FROM changed_numbers)
UNION
SELECT number, national_number FROM wanted_owners WHERE number IN (SELECT number FROM changed_numbers)
ORDER BY 1
