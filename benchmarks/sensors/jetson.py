"""Which rails of a Jetson together are the whole module, or the board."""

from collections.abc import Collection

# Names are those of the device trees. The first set that a board has all of is its whole. The
# input of the module counts before sums, as it holds what no rail shows. In the sum of AGX Orin
# the rail VDDQ_VDD2_1V8AO (memory) is missing on purpose: VIN_SYS_5V0 feeds it.
_WHOLE: tuple[tuple[str, ...], ...] = (
    ("VDD_IN",),  # Orin NX and Nano, Xavier NX: the input of the module
    ("POM_5V_IN",),  # Nano: the input of the module
    ("VIN",),  # AGX Thor: the input of the board
    ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),  # AGX Orin
    ("VDD_GPU", "VDD_CPU_SOC_MSS", "VIN_SYS_5V0"),  # AGX Thor, the module
    ("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"),  # AGX Xavier
)


def whole_of(rails: Collection[str]) -> tuple[str, ...]:
    """Return the rails whose sum is the whole, empty for a board that is not known."""
    return next((whole for whole in _WHOLE if set(whole) <= set(rails)), ())
