"""The services of a hub. Each imports only itself and `shared`."""
