"""Who may ask the completion server, how often, and what is seen of it from outside."""
