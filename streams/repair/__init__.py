"""Ways back: what is missing between two stages, and the records and offsets that bring it again."""
