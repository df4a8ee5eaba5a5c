"""The two errors that layerscope raises on purpose."""


class LayerscopeError(Exception):
    """A user's mistake or bad data, told in one message; the command line exits with status 1."""


class Refused(LayerscopeError):
    """What was asked cannot be done correctly, and the message names what is in the way."""
