"""The client of 1C:Enterprise 8.3 through its standard OData interface (OData version 3).

Knows 1C's protocol and the names of its objects; gives parties, contact persons, employees, phone
numbers and interaction documents as plain rows. `source.OnecSource` is the door.
"""
