"""`python -P -m switchover_dataplane` is one data-plane process."""

import gc
from importlib import import_module

# Nothing of what is imported is garbage: to look for some takes a sixth of the time until the process is ready.
gc.disable()
main = import_module("switchover_dataplane.command").main
gc.enable()
main()
