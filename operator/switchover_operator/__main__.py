"""`python -m switchover_operator` is the `switchover` command."""

from switchover_operator.cli import main

main(prog_name="switchover")
