"""Views against the best peers, in units of one forward + backward to the input (`make bench-views`)."""
