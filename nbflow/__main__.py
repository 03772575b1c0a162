"""``python -m nbflow`` is ``nbflow``."""

import sys

if __name__ == "__main__":
    # Python puts the working folder first, where a file of the person's may bear the name of a module that we load.
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]

    from nbflow.ui.cli import main

    main()
