"""``python -m nbflow`` is ``nbflow``."""

from nbflow.ui.cli import main

if __name__ == "__main__":
    main()
