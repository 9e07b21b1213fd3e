"""The subject of a record, out of real bundles."""

import pytest

from edge_mef.benchmarks.subjects import bundle_subject
from edge_mef.bundle import Bundle, load_bundle
from edge_mef.errors import BundleError
from edge_mef.runtimes.table import open_runtime


@pytest.mark.parametrize("whole", [False, True])
def test_what_runs_of_a_bundle(whole: bool) -> None:
    bundle = load_bundle("ffmef-edge")
    with open_runtime(bundle, "onnxruntime", threads=1, whole=whole) as runtime:
        found = bundle_subject(bundle, runtime=runtime.name, artefact=runtime.artefact)
    manifest = bundle.manifest
    assert (found.kind, found.title, found.network) == ("bundle", manifest.name, "ffmef-edge")
    assert (found.precision, found.weights_sha256) == ("fp32", manifest.network.weights_sha256)
    assert found.files == {name: manifest.files[name].sha256 for name in found.files}
    assert ("model.onnx" in found.files, "view.onnx" in found.files) == (whole, not whole)
    assert found.proof is not None
    assert found.proof.fp32 > 0
    assert found.parity is not None
    assert found.parity.passed
    assert found.parity.date == (manifest.verification and manifest.verification.date)


def test_the_worst_of_its_own_checks_counts() -> None:
    bundle = load_bundle("ffmef-edge")
    assert bundle.manifest.verification is not None
    found = bundle_subject(bundle, runtime="onnxruntime", artefact="stages", title="ours")
    checks = [
        check
        for check in bundle.manifest.verification.checks
        if check.artefact == "stages" and check.runtime == "onnxruntime"
    ]
    assert found.title == "ours"
    assert found.parity is not None
    assert found.parity.max_difference == max(check.max_difference for check in checks)
    assert found.parity.psnr == min(c.psnr for c in checks if c.psnr is not None)


def test_checks_of_others_do_not_count() -> None:
    bundle = load_bundle("ffmef-edge")
    state = bundle.manifest.verification
    assert state is not None
    worse = [
        state.checks[0].model_copy(update={"passed": False, "max_difference": 99} | other)
        for other in ({"runtime": "openvino"}, {"artefact": "other.onnx"})
    ]
    state = state.model_copy(update={"checks": (*state.checks, *worse)})
    copy = type(bundle)(bundle.folder, bundle.manifest.model_copy(update={"verification": state}))
    found = bundle_subject(copy, runtime="onnxruntime", artefact="stages").parity
    assert found == bundle_subject(bundle, runtime="onnxruntime", artefact="stages").parity


def test_a_bundle_that_was_never_verified() -> None:
    bundle = load_bundle("ffmef-edge")
    manifest = bundle.manifest.model_copy(update={"verification": None})
    copy = type(bundle)(bundle.folder, manifest)
    assert bundle_subject(copy, runtime="onnxruntime", artefact="stages").parity is None


def test_no_such_artefact() -> None:
    bundle = load_bundle("ffmef-edge")
    with pytest.raises(BundleError, match=r"expected 'none.onnx' in .* found no such artefact"):
        bundle_subject(bundle, runtime="onnxruntime", artefact="none.onnx")
    with pytest.raises(BundleError, match="found no such artefact"):
        bundle_subject(bundle, runtime="tensorrt", artefact="stages")


def test_the_stages_have_the_precision_of_their_bundle() -> None:
    bundle = load_bundle("ffmef-edge")
    manifest = bundle.manifest.model_copy(update={"precision": "int8"})
    short = Bundle(bundle.folder, manifest)
    assert bundle_subject(short, runtime="onnxruntime", artefact="stages").precision == "int8"
