"""Who should answer: evidence of work with clients, each employee's part in it, and the routing table."""
