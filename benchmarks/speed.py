"""Speed of this package beside what one would use instead.

python benchmarks/speed.py --data papers.pubtator --out runs/speed      # the bundled model
python benchmarks/speed.py --shape base --data papers.pubtator --only extract
"""

import sys

from beside.command import main

if __name__ == "__main__":
    sys.exit(main())
