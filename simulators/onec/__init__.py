"""A simulated 1C infobase as its standard OData interface shows it."""
