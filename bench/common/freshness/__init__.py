"""Freshness of the bench `freshness`: histories replayed, three models, and what each of them knows of what is new."""
