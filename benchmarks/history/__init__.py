"""History over commits by asv: the frozen problems, and starts of fresh processes."""

import sys
from pathlib import Path

# asv puts this folder's parent on the path, not the checkout's root
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
