"""The parameter names of the published FFMEF files, translated to ours."""

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_RULES: tuple[tuple[str, str], ...] = (
    (r"^preconv\.", "stem."),
    (r"^kp(\d)\.spatial_attention\.0\.", r"predictors.<\1>.conv1."),
    (r"^kp(\d)\.spatial_attention\.2\.", r"predictors.<\1>.conv2."),
    (r"^kp(\d)\.spatial_attention\.4\.", r"predictors.<\1>.to_taps."),
    (r"^sca(\d)\.spatial_attention\.0\.", r"attention.<\1>.squeeze."),
    (r"^sca(\d)\.spatial_attention\.2\.", r"attention.<\1>.maps."),
    (r"^encode\.skip(\d)\.body\.0\.", r"encoder.skips.<\1>.body.conv."),
    (r"^encode\.skip(\d)\.body\.1\.", r"encoder.skips.<\1>.body.norm."),
    (r"^encode\.skip(\d)\.", r"encoder.skips.<\1>."),
    (r"^encode\.fus(\d)\.body\.0\.", r"encoder.merge\1.body."),
    (r"^encode\.fus(\d)\.", r"encoder.merge\1."),
    (r"^encode\.dowm(\d)\.conv\.0\.", r"encoder.down\1.conv."),
    (r"^encode\.dowm(\d)\.conv\.1\.", r"encoder.down\1.norm."),
    (r"^encode\.up(\d)\.conv\.0\.", r"encoder.up\1.conv."),
    (r"^encode\.up(\d)\.conv\.1\.", r"encoder.up\1.norm."),
    (r"^encode\.layer_dowm(\d)\.body\.0\.", r"encoder.res_down\1."),
    (r"^encode\.layer_up(\d)\.body\.0\.", r"encoder.res_up\1."),
    (r"^encode\.layer_bottom\.body\.0\.", "encoder.res_bottom."),
    (r"\.conv_1\.", ".conv1."),
    (r"\.conv_2\.0\.", ".conv2."),
    (r"\.alpha1$", ".scale_body"),
    (r"\.alpha2$", ".scale_through"),
)
_COUNTERS = ("total_ops", "total_params")


def is_published(tensors: Mapping[str, NDArray[np.float32]]) -> bool:
    """Say whether these tensors carry the published file's names."""
    return "preconv.weight" in tensors


def translate(tensors: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Return published FFMEF tensors under our names; the profiler's counters are left out."""
    kept = {k: v for k, v in tensors.items() if not k.endswith(_COUNTERS)}
    scales = [kept.pop(f"alpha{level}") for level in (1, 2, 3) if f"alpha{level}" in kept]
    named = {_translate_name(name): value for name, value in kept.items()}
    if len(scales) == 3:
        named["level_scales"] = np.concatenate([scale.reshape(1) for scale in scales])
    return named


def _translate_name(name: str) -> str:
    for pattern, replacement in _RULES:
        name = re.sub(pattern, replacement, name)
    return re.sub(r"<(\d)>", lambda m: str(int(m.group(1)) - 1), name)
