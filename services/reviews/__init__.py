"""Reviews: what people say of the versions they use."""
