"""How a hub is run: on a laptop, in containers, in a cluster."""
