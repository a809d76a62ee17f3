"""A short clip with exactly known motion, and styles to use as styles; all of it made by the code in here."""
