"""The entry of a load's process: `python -m chaos.load`, started by the harness and talked to through pipes."""

import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the harness, which then ends this process

import locust  # noqa: E402, F401  must come before everything else: it patches the standard library

from chaos.load.child import main  # noqa: E402

main()
