"""When things run: definitions, jobs, schedules, settings, services and the command line."""
