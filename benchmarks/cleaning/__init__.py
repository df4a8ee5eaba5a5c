"""Cleaning: how many planted defects are found on real photographs, and how the scan scales."""
