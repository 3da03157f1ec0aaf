"""The table comes in and the process's state can be read: push channel and admin port."""
