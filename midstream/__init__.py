"""The command line and the programs that join streams, model, server and lsp."""

__version__ = "0.1.0"
