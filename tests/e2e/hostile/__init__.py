"""Bad input, sent by raw sockets: HTTP libraries are too polite for it."""
