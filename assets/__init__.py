"""What exists: one folder per table family, each asset a thin shell over plain functions and SQL files."""
