"""What the benches of the completion server are made of: typing, models, programs, figures."""
