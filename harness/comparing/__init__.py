"""Two sides measured in turn: what they are, their pairs, who goes on; and searches with them."""
