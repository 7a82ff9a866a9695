"""Where audio comes from: one module per source."""
