"""The sweep: settings compared honestly, each trial a run, a durable folder of all of them."""
