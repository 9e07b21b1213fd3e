"""`python -m edge_mef` is the program `edge-mef`."""

from edge_mef.cli import main

if __name__ == "__main__":
    main()
