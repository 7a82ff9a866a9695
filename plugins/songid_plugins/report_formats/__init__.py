"""Report formats: the daily report as a page, as data, and as a table."""
