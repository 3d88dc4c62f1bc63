"""Search: the rows of `easel.models.state`, the index made from them, and the answers."""
