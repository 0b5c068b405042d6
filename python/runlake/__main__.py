"""`python -m runlake` is `runlake`."""

from runlake.cli import main

if __name__ == "__main__":
    main()
