"""`python -m spatialgen` is the command line."""

from spatialgen.cli import main

if __name__ == "__main__":
    main()
