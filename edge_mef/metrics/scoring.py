"""Measure a fused picture: against its exposures, or against a reference picture.

The metrics of the MEFB and VIFB benchmarks are means over the red, green and blue plane, except
for MEF_SSIM, which looks at grey, and SF, for which VIFB lays the three planes side by side.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edge_mef.errors import InputError
from edge_mef.metrics import features, gradients, information, pixels, similarity, vif
from edge_mef.metrics.chen_blum import q_cb
from edge_mef.metrics.chen_varshney import q_cv
from edge_mef.metrics.mef_ssim import mef_ssim
from edge_mef.metrics.phase_congruency import q_p
from edge_mef.metrics.piella import q_w
from edge_mef.metrics.planes import Frame, Plane, colour_planes, grey_plane, mean_luma
from edge_mef.metrics.table import (
    IVF_METRICS,
    MEFB_METRICS,
    METRICS,
    REFERENCE_METRICS,
    Metric,
    choose_metrics,
)


@dataclass(frozen=True)
class Fusion:
    """The exposures and the fused picture as planes; pair: where the two extreme exposures are."""

    colours: tuple[tuple[Plane, ...], ...]
    greys: tuple[Plane, ...]
    pair: tuple[int, int]
    fused: tuple[Plane, ...]
    fused_grey: Plane


Measure = Callable[[Fusion], float]


def evaluate(
    exposures: Sequence[Frame], fused: Frame, names: Sequence[str] | None = None
) -> dict[str, float]:
    """Measure how well a picture fuses its exposures, without a reference.

    Of more than two exposures, the metrics that are defined for two sources (`uses` is "pair" in
    their row) take the darkest and the brightest by mean luma; MEF_SSIM, PSNR, CE and RMSE take
    all of them.

    Args:
        exposures: two or more (H, W, 3) uint8 RGB, in any order.
        fused: (H, W, 3) uint8 RGB.
        names: of `MEFB_METRICS` and `IVF_METRICS`; the 14 of MEFB where None.

    Returns:
        The values, in the order of names. None is nan: where there are no levels or edges to
        compare, as in pictures of one colour, each function says what it gives. PSNR is infinite
        if the fused picture equals all exposures.

    Raises:
        InputError: fewer than two exposures, different sizes, not uint8 RGB, sides that are too
            short for a metric, or an unknown name.
    """
    wanted = MEFB_METRICS if names is None else names
    metrics = choose_metrics(wanted, (*MEFB_METRICS, *IVF_METRICS))
    if len(exposures) < 2:
        raise InputError(f"expected two or more exposures, found {len(exposures)}: add the others")
    labels = [f"exposure {number}" for number in range(1, len(exposures) + 1)]
    _check_frames([*exposures, fused], [*labels, "the fused picture"])
    _check_sides(fused, metrics)
    fusion = Fusion(
        colours=tuple(colour_planes(frame) for frame in exposures),
        greys=tuple(grey_plane(frame) for frame in exposures),
        pair=_extremes(exposures),
        fused=colour_planes(fused),
        fused_grey=grey_plane(fused),
    )
    return {metric.name: AGAINST_EXPOSURES[metric.name](fusion) for metric in metrics}


def compare(
    reference: Frame, picture: Frame, names: Sequence[str] | None = None
) -> dict[str, float]:
    """Measure how close a picture is to a reference.

    PSNR is the ordinary one over the levels of all three channels, in dB, infinite if both are
    equal. The others look at grey, as their authors do.

    Args:
        reference: (H, W, 3) uint8 RGB.
        picture: (H, W, 3) uint8 RGB.
        names: of `REFERENCE_METRICS`; all where None, for which sides of 176 pixels are needed.

    Returns:
        The values, in the order of names; none is nan.

    Raises:
        InputError: different sizes, not uint8 RGB, sides that are too short, or an unknown name.
    """
    wanted = REFERENCE_METRICS if names is None else names
    metrics = choose_metrics(wanted, REFERENCE_METRICS)
    _check_frames([reference, picture], ["the reference", "the picture"])
    _check_sides(picture, metrics)
    return {metric.name: AGAINST_REFERENCE[metric.name](reference, picture) for metric in metrics}


def mef_ssim_of(exposures: Sequence[Frame], fused: Frame) -> float | None:
    """Return MEF-SSIM as `evaluate` does, or None where the frames are too small for it."""
    if min(fused.shape[:2]) < METRICS["MEF_SSIM"].min_side:
        return None
    return evaluate(exposures, fused, ["MEF_SSIM"])["MEF_SSIM"]


def _of_fused(measure: Callable[[Plane], float]) -> Measure:
    return lambda fusion: _mean([measure(plane) for plane in fusion.fused])


def _of_pair(measure: Callable[[Plane, Plane, Plane], float]) -> Measure:
    def run(fusion: Fusion) -> float:
        first, second = (fusion.colours[index] for index in fusion.pair)
        return _mean([measure(*planes) for planes in zip(first, second, fusion.fused, strict=True)])

    return run


def _of_all(measure: Callable[[Sequence[Plane], Plane], float]) -> Measure:
    def run(fusion: Fusion) -> float:
        channels = zip(zip(*fusion.colours, strict=True), fusion.fused, strict=True)
        return _mean([measure(sources, plane) for sources, plane in channels])

    return run


def _of_grey(measure: Callable[[Plane, Plane], float]) -> Callable[[Frame, Frame], float]:
    return lambda reference, picture: measure(grey_plane(reference), grey_plane(picture))


def _mef_ssim(fusion: Fusion) -> float:
    return mef_ssim(fusion.greys, fusion.fused_grey)


def _spatial_frequency(fusion: Fusion) -> float:
    """As VIFB has it: the step from one channel's last column to the next one's first counts."""
    return gradients.spatial_frequency(np.concatenate(fusion.fused, axis=1))


def _psnr(reference: Frame, picture: Frame) -> float:
    return pixels.psnr(reference.astype(np.float64), picture.astype(np.float64))


AGAINST_EXPOSURES: dict[str, Measure] = {
    "EN": _of_fused(information.entropy),
    "FMI": _of_pair(features.feature_mutual_information),
    "NMI": _of_pair(information.normalized_mutual_information),
    "PSNR": _of_all(pixels.fusion_psnr),
    "Q_NCIE": _of_pair(information.nonlinear_correlation),
    "AG": _of_fused(gradients.average_gradient),
    "Q_ABF": _of_pair(gradients.edge_preservation),
    "CE": _of_all(information.cross_entropy),
    "Q_P": _of_pair(q_p),
    "Q_W": _of_pair(q_w),
    "MEF_SSIM": _mef_ssim,
    "Q_CB": _of_pair(q_cb),
    "Q_CV": _of_pair(q_cv),
    "VIF": _of_pair(vif.vif_fusion),
    "MI": _of_pair(information.mutual_information),
    "EI": _of_fused(gradients.edge_intensity),
    "SD": _of_fused(pixels.standard_deviation),
    "SF": _spatial_frequency,
    "RMSE": _of_all(pixels.fusion_rmse),
    "SSIM_F": _of_pair(similarity.fusion_ssim),
}
AGAINST_REFERENCE: dict[str, Callable[[Frame, Frame], float]] = {
    "PSNR": _psnr,
    "SSIM": _of_grey(similarity.ssim),
    "MS_SSIM": _of_grey(similarity.multi_scale_ssim),
    "VIF_REF": _of_grey(vif.vif_reference),
}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _extremes(exposures: Sequence[Frame]) -> tuple[int, int]:
    """Return where the darkest and the brightest exposure are, also of two: VIF minds the order."""
    lumas = [mean_luma(frame) for frame in exposures]
    order = sorted(range(len(lumas)), key=lumas.__getitem__)
    return order[0], order[-1]


def _check_frames(frames: Sequence[Frame], labels: Sequence[str]) -> None:
    for frame, label in zip(frames, labels, strict=True):
        expected = f"expected {label} to be (H, W, 3) uint8 RGB"
        if not isinstance(frame, np.ndarray):
            raise InputError(f"{expected}, found a {type(frame).__name__}: convert it to NumPy")
        if frame.dtype != np.uint8:
            raise InputError(f"{expected}, found {frame.dtype}: scale it to 0 to 255 and round it")
        if frame.ndim != 3 or frame.shape[2] != 3:
            raise InputError(f"{expected}, found shape {frame.shape}: pass colour frames")
        if frame.shape != frames[0].shape:
            raise InputError(
                f"expected frames of one size, but {labels[0]} is {_size(frames[0])} and {label} "
                f"is {_size(frame)}: crop or scale them to one size"
            )


def _check_sides(frame: Frame, metrics: Sequence[Metric]) -> None:
    strictest = max(metrics, key=lambda metric: metric.min_side)
    if min(frame.shape[:2]) < strictest.min_side:
        raise InputError(
            f"expected sides of {strictest.min_side} pixels or more for {strictest.name}, found "
            f"{_size(frame)}: take larger pictures, or name the metrics without it"
        )


def _size(frame: Frame) -> str:
    """Say width x height, as photographers do."""
    return f"{frame.shape[1]}x{frame.shape[0]}"
