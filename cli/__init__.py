"""The `easel` command: publish, find, fetch and look after models on a hub, for people and for scripts."""
