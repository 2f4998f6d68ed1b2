"""Sources: each turns something on disk into public JSON events (streams.event)."""
