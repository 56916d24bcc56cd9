"""The control store: what the appliance remembers about itself, in SQLite beside the log."""
