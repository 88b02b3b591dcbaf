"""Files brought from other places and sent to them: whole, checked, going on after lost lines."""
