"""What the benches share: their texts and histories, peers' ways, the machine."""
