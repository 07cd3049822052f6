"""Changes the rules one line at a time and asks whether a test notices."""
