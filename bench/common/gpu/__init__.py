"""What the bench of a card is made of: the same weights on both sides, their rounds, and the memory's rate."""
