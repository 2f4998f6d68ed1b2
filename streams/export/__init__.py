"""The clean stream as files for other trainers."""
