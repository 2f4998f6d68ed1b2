"""Pack: documents into tokenised examples."""
