"""Hostile requests of the bench of that name: what is sent over HTTP, over gRPC and to any port."""
