"""`python -m videostyle`: the command line."""

from videostyle.cli.main import main

if __name__ == "__main__":
    main()
