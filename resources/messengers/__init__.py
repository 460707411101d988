"""Messengers: what a provider tells us and takes from us, in words that do not depend on the provider."""
