"""Networks to and from other libraries, one file each."""
