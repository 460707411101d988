-- When an employee's card is to open.
UPDATE switchboard.employee_logins SET opens_card_on = %(opens_card_on)s WHERE employee_id = %(employee_id)s
