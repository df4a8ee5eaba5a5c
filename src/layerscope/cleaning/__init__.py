"""Find what is wrong with data; a person decides; data/decisions.py applies it."""
