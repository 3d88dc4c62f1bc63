"""What the pages show, as plain values: functions from API answers to what the templates read."""
