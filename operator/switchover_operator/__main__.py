"""`python -P -m switchover_operator` is the `switchover` command.

Without -P, modules of the current folder are imported before Python's own.
"""

from switchover_operator.cli import main

main(prog_name="switchover")
