"""edge-mef inspect."""

from typing import TYPE_CHECKING

import typer

from edge_mef.cli.losses import print_losses
from edge_mef.cli.options import BundleArgument, Json
from edge_mef.cli.reporting import print_json, print_table

if TYPE_CHECKING:
    from edge_mef.manifest import Manifest

_VERSIONS = {
    "onnx": "opset",
    "openvino": "IR version",
    "coreml": "specification",
    "tensorrt": "opset",
}


def inspect(bundle: BundleArgument = None, json: Json = False) -> None:
    """Show what a bundle holds: network, tensors, precision, files, and its last verification."""
    from edge_mef.bundle import load_bundle
    from edge_mef.memory import estimate_bytes

    loaded = load_bundle(bundle)
    manifest = loaded.manifest
    if json:
        print_json(manifest.model_dump(mode="json"))
        return
    network, contract = manifest.network, manifest.contract
    sizes = ((1080, 1920), (3000, 4000))
    memory = ", ".join(
        f"{h}x{w}: {estimate_bytes(manifest, h, w) / 2**30:.1f} GiB" for h, w in sizes
    )
    state = manifest.verification
    verified = "not yet" if state is None else ("passed" if state.passed else "FAILED")
    kernels = ", ".join(map(str, network.kernel_sizes)) or "1"
    rows = [
        ("network", f"{network.name}, {network.channels} channels, kernels {kernels}"),
        ("parameters", f"{network.parameters}"),
        ("weights", network.weights_sha256),
        ("exposures", f"{contract.count_text}, {contract.order}, {contract.dtype} RGB"),
        ("size", contract.size_text),
        ("tileable", "yes" if manifest.tileable else "no: it keeps statistics of the whole frame"),
        ("precision", f"{manifest.precision}, rounding to {manifest.rounding}"),
        *_quantization(manifest),
        ("colour", manifest.colour.name),
        ("memory", memory),
        ("made", f"{manifest.created} by edge-mef {manifest.toolchain.get('edge-mef', '?')}"),
        ("verified", f"{verified}{'' if state is None else f', {state.date}'}"),
    ]
    print_table(str(loaded.folder), ("what", "value"), rows)
    if manifest.quantization is not None:
        print_losses(manifest.quantization.sensitivity, manifest.quantization.kept)
    files = [(name, f"{e.size}", e.sha256[:16]) for name, e in manifest.files.items()]
    print_table("files", ("file", "bytes", "SHA-256 (start)"), files)
    for artefact in manifest.artefacts:
        counts = ", ".join(f"{count} {name}" for name, count in artefact.operators.items())
        version = f"{_VERSIONS[artefact.format]} {artefact.version}"
        typer.echo(f"{artefact.file} ({artefact.role}, {version}): {counts}")


def _quantization(manifest: "Manifest") -> list[tuple[str, str]]:
    entry = manifest.quantization
    if entry is None:
        return []
    kept = f"{len(entry.kept)} kept in fp16" if entry.kept else "none kept in fp16"
    text = f"{entry.layers} layers, {kept}, ranges by {entry.recipe}"
    return [("int8", text), ("calibrated with", entry.calibration_digest)]
