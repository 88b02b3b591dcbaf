"""The nets room."""
