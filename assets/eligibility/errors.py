"""What can be wrong with a pin."""


class PinError(Exception):
    """A pin cannot be set or taken away; the text says why and what to do."""
