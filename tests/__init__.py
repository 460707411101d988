"""The test suite, in four tiers by folder."""
