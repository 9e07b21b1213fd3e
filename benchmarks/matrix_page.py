"""The export matrix as a page: what it shows, the command that made it, and one table."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge_mef.benchmarks.matrix_rows import Row
from edge_mef.saving import write_atomically
from edge_mef.toolchain import toolchain_versions

_COLUMNS = (
    "network", "target", "precision", "sizes", "run by", "convolutions", "least PSNR, dB",
    "most levels", "MEF-SSIM lost", "gate", "", "weights", "s",
)  # fmt: skip
_NUMBERS = ("least PSNR, dB", "most levels", "MEF-SSIM lost", "weights", "s")
_TEXT = """\
# The export matrix

Each row is one bundle: a network with the weights that come with EdgeMEF, exported to a target in a
precision, and verified against the fp32 pipeline in torch. The command that wrote this page exports
and verifies all of them again, and leaves with 1 if a row fails:

```bash
{command}
```

* **sizes**: any, one (`--size`), or a Core ML package for each of two (`--sizes`).
* **run by**: the runtime that fused the pictures. On a machine without a GPU the model for TensorRT
  runs on ONNX Runtime. Core ML packages are interpreted, operator by operator, by `mil`.
* **convolutions**: how many compute in which precision, counted in the files that were written. Of
  a network with stages, first those of the pipeline in one piece, then those of the analysis. Pairs
  are quantized activations.
* **least PSNR**, **most levels**, **MEF-SSIM lost**: the worst over the golden frames and the
  scenes, which are rendered where no `--data` are given. MEF-SSIM is measured where a gate asks for
  it; a negative number is a gain.
* **weights**: the constants of the pipeline in one piece, in percent of those of the fp32 export of
  the same target and sizes. The model for TensorRT holds int8 weights as floats, which the engine
  quantizes.
* **s**: exporting and verifying, in seconds; other work on the machine makes it longer. The first
  int8 export of a network calibrates it too.

The numbers are of what the target adds; `ok` says that everything in the bundle holds its gate, the
ONNX models that every bundle holds included. [export.md](export.md#verify) explains the gates, and
[precision.md](precision.md) the precisions.

{summary}
Made with {versions}.

"""


def page(rows: Sequence[Row], command: Sequence[str], output: Path | None = None) -> str:
    """Return the page in Markdown; where there is an output it goes there, and its sum is returned.

    Raises:
        OutputError: the output cannot be written.
    """
    failed = [row for row in rows if not row.passed]
    pictures = sum(row.checks for row in rows)
    held = f"{len(rows) - len(failed)} of {len(rows)}"
    summary = f"{held} rows hold their gates, on {pictures} pictures."
    text = _TEXT.format(command=_wrapped(command), summary=summary, versions=_versions())
    text += "\n".join(_table(rows)) + "\n"
    if failed:
        text += "\nWhat failed:\n\n" + "".join(f"* {_name(r)}: {r.failure}\n" for r in failed)
    if output is None:
        return text
    write_atomically(output, text.encode())
    return f"{summary}\n"


def _wrapped(command: Sequence[str]) -> str:
    """The command in lines of at most 100 characters."""
    lines = [""]
    for word in map(shlex.quote, command):
        if len(lines[-1]) + len(word) > 96:
            lines.append("   ")
        lines[-1] += f" {word}" if lines[-1] else word
    return " \\\n".join(lines)


def _versions() -> str:
    found = toolchain_versions()
    names = ("torch", "onnxruntime", "openvino", "tensorrt", "coremltools")
    return ", ".join(f"{name} {found[name]}" for name in names if name in found)


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield f"| {' | '.join(_COLUMNS)} |"
    yield f"| {' | '.join('--:' if name in _NUMBERS else '---' for name in _COLUMNS)} |"
    for row in rows:
        yield f"| {' | '.join(_cells(row, rows))} |"


def _cells(row: Row, rows: Sequence[Row]) -> Iterator[str]:
    yield from (f"`{row.network}`", f"`{row.target}`", row.precision, row.sizes)
    yield ", ".join(row.runtimes)
    yield "; ".join(row.proofs)
    yield ("equal" if row.checks else "") if row.psnr is None else f"{row.psnr:.1f}"
    yield "" if row.difference is None else str(row.difference)
    yield "" if row.drop is None else f"{row.drop:.4f}"
    yield row.gate
    yield "ok" if row.passed else "FAILED"
    yield _share(row, rows)
    yield f"{row.seconds:.0f}"


def _share(row: Row, rows: Sequence[Row]) -> str:
    """The weights in percent of the fp32 row's; empty where one of them is not known."""
    key = (row.network, row.target, row.sizes)
    full = next(
        (r for r in rows if (r.network, r.target, r.sizes) == key and r.precision == "fp32"), None
    )
    if full is None or not full.weight_bytes or row.weight_bytes is None:
        return ""
    return f"{100 * row.weight_bytes / full.weight_bytes:.0f} %"


def _name(row: Row) -> str:
    return f"`{row.network}` `{row.target}` {row.precision}, {row.sizes}"
