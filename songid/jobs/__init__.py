"""Work done once in effect: an inbox's items, a logger's recordings, the reports that are due."""
