"""Check that the wheel holds every tracked file below edge_mef, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

STAGES = ("export", "runtimes", "calibration", "benchmarks")


def tracked_files() -> set[str]:
    """Return the paths that the wheel should hold, from git; the stages appear below edge_mef."""
    listing = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True)
    wanted = set()
    for name in listing.stdout.splitlines():
        top = name.split("/")[0]
        if top in STAGES:
            wanted.add(f"edge_mef/{name}")
        elif top == "edge_mef" and name not in {f"edge_mef/{stage}" for stage in STAGES}:
            wanted.add(name)
    return wanted


def main(folder: Path) -> int:
    """Compare; return the exit code."""
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        print(f"expected one wheel in {folder}, found {len(wheels)}")
        return 1
    with zipfile.ZipFile(wheels[0]) as archive:
        found = {name for name in archive.namelist() if not name.endswith("/")}
    package = {name for name in found if ".dist-info/" not in name}
    wanted = tracked_files()
    for name in sorted(wanted - package):
        print(f"missing from the wheel: {name}")
    for name in sorted(package - wanted):
        print(f"should not be in the wheel: {name}")
    licensed = any(name.endswith("/licenses/LICENSE") for name in found)
    if not licensed:
        print("the wheel lacks the licence")
    print(f"{wheels[0].name}: {len(package)} files")
    return 0 if package == wanted and licensed else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
