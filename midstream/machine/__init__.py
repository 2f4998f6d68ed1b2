"""What this machine holds: its memory, its disk, and how fast it trains."""
