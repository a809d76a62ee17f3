"""A short clip with exactly known motion, and style images; all of it made by the code in this folder."""
