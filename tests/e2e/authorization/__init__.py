"""The table of `test_authorization`: one module for each surface of the hub."""
