"""`python -m chaos` is the same as `chaos`."""

from chaos.cli.main import main

if __name__ == "__main__":
    main()
