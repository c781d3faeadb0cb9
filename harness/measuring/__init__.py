"""How it is measured, inside a worker: phases, windows, what is watched around them."""
