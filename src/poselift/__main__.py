"""`python -m poselift` is the command `poselift`."""

from poselift.cli import main

if __name__ == "__main__":
    main()
