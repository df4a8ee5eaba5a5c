"""`python -m layerscope` is the command `layerscope`."""

import sys

from layerscope.cli import main

if __name__ == "__main__":
    sys.exit(main())
