"""The inference server: engine, gRPC service, client. Follows the checkpoint folder."""
