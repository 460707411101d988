"""Contact files: address books and lists of employees, as CSV and vCard.

A reader answers with data frames of plain text columns, a portion at a time, and with the rows it
refused. It knows formats and nothing of numbers, owners or tables.
"""
