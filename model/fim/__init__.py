"""Fill-in-the-middle: formats, cuts, and the sequences made of them."""
