"""`midstream recall`: pages of a crawl that speak of code."""

from midstream.recall.command import recall

__all__ = ["recall"]
