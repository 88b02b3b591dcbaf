"""Values and data sets: tables, preparation, splits, named sources."""
