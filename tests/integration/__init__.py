"""Real PostgreSQL, real sockets, the simulators, and faults."""
