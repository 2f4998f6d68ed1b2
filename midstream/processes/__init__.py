"""What Midstream's long-running programs share: locks, signals, restarts, waiting, their last errors."""
