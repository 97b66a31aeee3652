"""Store the baseline anew: ``python -m tests.regression.update``, from the root of the checkout."""

from __future__ import annotations

from tests.regression.baseline import FILE, compute, differences, read, write


def main() -> None:
    """Compute, say what has changed, and write."""
    found = compute()
    changed = differences(found, read()) if FILE.exists() else ["no baseline was stored"]
    write(found)
    print("\n".join([*changed, f"{FILE.name}: {len(changed)} of {len(found)} curves have changed"]))


if __name__ == "__main__":
    main()
