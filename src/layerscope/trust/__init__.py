"""Trust: whether a view can be believed, for this network and these data."""
