"""Brain recordings: from files of epochs or raw signals to arrays of microvolts."""
