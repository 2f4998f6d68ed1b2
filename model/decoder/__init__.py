"""The decoder's forward pass, for training and for serving."""
