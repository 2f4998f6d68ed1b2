"""The language server: LSP in, gRPC out. Imports nothing of the project but server.client."""
