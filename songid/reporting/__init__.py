"""From the journal's day to a view model, and from there to rendered files and an index."""
