"""`python -m mediarelay_cli`."""

from mediarelay_cli.app import main

if __name__ == "__main__":
    main()
