"""All that is to be known of this package on a GPU, in one run of less than nine minutes.

make bench-gpu               # on one NVIDIA GPU; nothing is downloaded
make bench-gpu REHEARSE=1    # the same on a CPU with a tiny model: proves nothing but that it runs
"""

import sys

from card.command import main

if __name__ == "__main__":
    sys.exit(main())
