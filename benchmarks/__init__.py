"""Frozen problems with references, timings that count only when the answer is right, and peers in the same run."""
