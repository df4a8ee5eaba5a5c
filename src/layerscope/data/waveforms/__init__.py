"""Waveforms: from files of sound to samples of one rate and length, their splits and faults."""
