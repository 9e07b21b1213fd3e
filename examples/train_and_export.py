"""Train for one epoch and export the result: python examples/train_and_export.py FOLDER.

Sixteen rendered scenes and small crops show the way in about a minute; they do not make a good
network. Needs torch and the exporters: pip install 'edge-mef[export]'.
"""

import sys
from pathlib import Path

from edge_mef.export.build import ExportSettings, export_bundle
from edge_mef.export.parity import verify_bundle
from edge_mef.train_settings import train_settings
from edge_mef.training import train

MODEL = "ffmef-edge"


def main(folder: Path) -> bool:
    settings = train_settings(MODEL, epochs=1, size=64, validation_side=160)
    result = train("rendered:16", folder / "training", settings=settings)
    if result is None:  # a helping process of a distributed training
        return True
    print(f"{result.weights}: MEF-SSIM {result.best_score:.4f}")
    exported = ExportSettings(model=MODEL, weights=result.weights)
    bundle = export_bundle(folder / "bundle", exported)
    passed = verify_bundle(bundle.folder).verification.passed
    print(f"{bundle.folder}: {'verified' if passed else 'FAILED'}")
    return passed


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(0 if main(Path(sys.argv[1])) else 1)
