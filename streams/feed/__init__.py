"""The trainer's feed: rows, marks, conservation, and the ledger of what was trained on."""
