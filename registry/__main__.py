"""``python -m registry`` is the command ``registry``."""

from registry.cli.app import main

if __name__ == "__main__":
    raise SystemExit(main())
