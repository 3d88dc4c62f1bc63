"""The adapter for one machine: tantivy's index in a folder of this process."""
