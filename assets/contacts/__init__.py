"""Clients, employees and who owns a number: read from contact files, decided by dated facts."""
