"""`python -m switchover_simulator`: the simulator alone, without the rest of Switchover."""

from switchover_simulator.cli import simulate

if __name__ == "__main__":
    simulate()
