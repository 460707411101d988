SELECT name, amount FROM object_counts
