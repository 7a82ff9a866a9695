"""`songid listen`: streams are read, cut into segments with wall-clock names, and delivered."""
