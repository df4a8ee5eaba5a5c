"""Views against the best peers, in forward + backward passes to the input."""
