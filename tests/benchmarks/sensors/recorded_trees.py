"""Small trees of sysfs in the forms that real machines have, and what their tools print."""

from collections.abc import Mapping
from pathlib import Path

Tree = Mapping[str, str]

RAPL: Tree = {
    "sys/class/powercap/intel-rapl/enabled": "1",
    "sys/class/powercap/intel-rapl:0/name": "package-0",
    "sys/class/powercap/intel-rapl:0/energy_uj": "262143000000",
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "262143328850",
    "sys/class/powercap/intel-rapl:0:0/name": "core",
    "sys/class/powercap/intel-rapl:0:0/energy_uj": "100000000",
    "sys/class/powercap/intel-rapl:0:0/max_energy_range_uj": "262143328850",
    "sys/class/powercap/intel-rapl:0:1/name": "dram",
    "sys/class/powercap/intel-rapl:0:1/energy_uj": "5000000",
    "sys/class/powercap/intel-rapl:0:1/max_energy_range_uj": "65712999613",
    "sys/class/powercap/intel-rapl:1/name": "package-1",
    "sys/class/powercap/intel-rapl:1/energy_uj": "7000000",
    "sys/class/powercap/intel-rapl:1/max_energy_range_uj": "262143328850",
    "sys/class/powercap/intel-rapl:1:0/name": "core",
    "sys/class/powercap/intel-rapl:1:0/energy_uj": "0",
    "sys/class/powercap/intel-rapl:1:0/max_energy_range_uj": "262143328850",
    # The same package once more, by another way to its counter.
    "sys/class/powercap/intel-rapl-mmio:0/name": "package-0",
    "sys/class/powercap/intel-rapl-mmio:0/energy_uj": "262143000000",
    "sys/class/powercap/intel-rapl-mmio:0/max_energy_range_uj": "262143328850",
}


def hwmon(number: int, name: str, **files: str) -> dict[str, str]:
    """Return the files of one hwmon device."""
    folder = f"sys/class/hwmon/hwmon{number}"
    return {f"{folder}/name": name} | {f"{folder}/{file}": text for file, text in files.items()}


def rails(number: int, **channels: tuple[int, int]) -> dict[str, str]:
    """Return an INA3221 with (mV, mA) of up to three named channels, and its sum of shunts."""
    files = {"in7_label": "sum of shunt voltages", "in7_input": "1200"}
    for channel, (name, (millivolts, milliamperes)) in enumerate(channels.items(), start=1):
        files[f"in{channel}_label"] = name
        files[f"in{channel}_input"] = str(millivolts)
        files[f"curr{channel}_input"] = str(milliamperes)
        files[f"in{channel + 3}_input"] = "40"  # the shunt of the same channel
    return hwmon(number, "ina3221", **files)


# JetPack 5 and 6: one chip, whose first channel is the input of the module.
ORIN_NANO = (
    rails(1, VDD_IN=(5000, 1000), VDD_CPU_GPU_CV=(5000, 200), VDD_SOC=(5000, 300))
    | hwmon(0, "pwmfan", pwm1="0")
    | hwmon(2, "tmp451", temp1_input="41250")
)
# JetPack 6: two chips and no input; the channels of the second that lead nowhere are named NC.
AGX_ORIN = rails(
    3, VDD_GPU_SOC=(20000, 120), VDD_CPU_CV=(20000, 20), VIN_SYS_5V0=(5000, 800)
) | hwmon(
    4,
    "ina3221",
    in1_label="NC",
    in2_label="VDDQ_VDD2_1V8AO",
    in3_label="NC",
    in1_input="0",
    in2_input="5000",
    in3_input="0",
    curr1_input="0",
    curr2_input="60",
    curr3_input="0",
)
# JetPack 7: the input of the board on an INA238 of its own; the GPU rests slightly below zero.
AGX_THOR = rails(
    2, VDD_GPU=(19600, -20), VDD_CPU_SOC_MSS=(19600, 200), VIN_SYS_5V0=(5000, 1300)
) | hwmon(
    3, "ina238", label="VIN", in0_input="2", in1_input="20000", curr1_input="1150",
    power1_input="23000000",
)  # fmt: skip

ORIN_NANO_LINE = (
    "11-22-2026 07:30:04 RAM 2161/7620MB (lfb 149x4MB) SWAP 0/3810MB (cached 0MB) "
    "CPU [2%@1728,1%@1728,off,off,9%@1728,1%@1728] EMC_FREQ 1%@2133 GR3D_FREQ 0%@[305] NVDEC off "
    "NVJPG off VIC off OFA off APE 200 cpu@45.093C soc2@43.75C soc0@44.562C gpu@45.6C tj@45.6C "
    "soc1@44.1C VDD_IN 4988mW/4970mW VDD_CPU_GPU_CV 711mW/700mW VDD_SOC 1511mW/1500mW"
)
AGX_ORIN_LINE = (
    "RAM 13983/62780MB (lfb 422x4MB) SWAP 0/31390MB (cached 0MB) CPU [0%@729,off] EMC_FREQ 0%@2133 "
    "GR3D_FREQ 0%@[0,0] VIC_FREQ 729 APE 174 CV0@-256C CPU@44.562C Tboard@32C Tdiode@33C "
    "GPU@-256C tj@44.343C VDD_GPU_SOC 2340mW/2300mW VDD_CPU_CV 390mW/390mW "
    "VIN_SYS_5V0 4025mW/4025mW NC 0mW/0mW VDDQ_VDD2_1V8AO 301mW/301mW NC 0mW/0mW"
)
AGX_XAVIER_LINE = (
    "RAM 1903/15692MB (lfb 3251x4MB) SWAP 0/7846MB (cached 0MB) CPU [1%@1190,2%@1190] EMC_FREQ 0% "
    "GR3D_FREQ 0% AO@32.5C GPU@32C Tboard@32C Tdiode@34.75C AUX@31.5C CPU@33.5C thermal@32.9C "
    "PMIC@50C GPU 0mW/0mW CPU 216mW/216mW SOC 864mW/864mW CV 0mW/0mW VDDRQ 144mW/144mW "
    "SYS5V 1889mW/1889mW"
)
NANO_LINE = (
    "RAM 1766/3964MB (lfb 197x4MB) SWAP 0/2048MB (cached 0MB) IRAM 0/252kB(lfb 252kB) "
    "CPU [24%@1224,15%@1224] EMC_FREQ 0% GR3D_FREQ 0% PLL@21C CPU@25C PMIC@100C GPU@23.5C "
    "AO@33.5C thermal@24.5C POM_5V_IN 2545/2547 POM_5V_GPU 0/0 POM_5V_CPU 549/529"
)


def zone(number: int, kind: str, temp: str, **trips: tuple[str, str]) -> dict[str, str]:
    """Return the files of a thermal zone; trips by their number, as (type, temp)."""
    folder = f"sys/class/thermal/thermal_zone{number}"
    files = {f"{folder}/type": kind, f"{folder}/temp": temp}
    for trip, (what, at) in trips.items():
        files[f"{folder}/trip_point_{trip[1:]}_type"] = what
        files[f"{folder}/trip_point_{trip[1:]}_temp"] = at
    return files


def cooling(number: int, kind: str, state: str) -> dict[str, str]:
    """Return the files of a cooling device."""
    folder = f"sys/class/thermal/cooling_device{number}"
    return {f"{folder}/type": kind, f"{folder}/cur_state": state, f"{folder}/max_state": "10"}


ORIN_HEAT = (
    zone(0, "cpu-thermal", "45093", t0=("critical", "104500"), t1=("passive", "99000"))
    | zone(1, "gpu-thermal", "-256000")
    | zone(2, "cv0-thermal", "0")
    | zone(10, "tj-thermal", "45600", t0=("active", "51000"))
    | cooling(0, "cpufreq-cpu0", "0")
    | cooling(7, "pwm-fan", "3")
    | cooling(8, "cpu-throttle-alert", "0")
    | cooling(9, "hot-surface-alert", "1")
    | hwmon(0, "soctherm_oc", oc1_event_cnt="0", oc3_event_cnt="4")
)
PC_HEAT = (
    zone(0, "acpitz", "27800", t0=("passive", "0"))
    | zone(1, "acpitz", "29800")
    | zone(2, "x86_pkg_temp", "51000", t0=("passive", "-274000"))
    | cooling(0, "Processor", "0")
    | cooling(1, "intel_powerclamp", "-1")
    | cooling(2, "TCC Offset", "5")
    | hwmon(1, "k10temp", temp1_input="54125", temp1_label="Tctl")
    | {
        "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "3",
        "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count": "12",
    }
)

JETSON_CLOCKS = """SOC family:tegra234  Machine:NVIDIA Jetson Orin Nano Developer Kit
Online CPUs: 0-1
cpu0: Online=1 Governor=schedutil MinFreq=729600 MaxFreq=1510400 CurrentFreq=960000 IdleStates:
cpu1: Online=1 Governor=schedutil MinFreq=729600 MaxFreq=1510400 CurrentFreq=729600 IdleStates:
GPU MinFreq=306000000 MaxFreq=624750000 CurrentFreq=306000000
Active GPU TPCs: 4
EMC MinFreq=204000000 MaxFreq=2133000000 CurrentFreq=2133000000 FreqOverride=0
FAN Dynamic Speed Control=nvfancontrol hwmon0_pwm1=0
NV Power Mode: 15W
"""

FREQUENCIES: Tree = {
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "schedutil\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "729600\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq": "1510400\n",
    "sys/devices/system/cpu/cpu10/cpufreq/scaling_governor": "performance\n",
    "sys/devices/system/cpu/cpu10/cpufreq/scaling_cur_freq": "1510400\n",
    "sys/devices/system/cpu/cpu10/cpufreq/scaling_max_freq": "1510400\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "schedutil\n",
    "sys/class/devfreq/17000000.gpu/cur_freq": "306000000\n",
    "sys/class/devfreq/17000000.gpu/max_freq": "624750000\n",
}


def write_tree(root: Path, tree: Tree) -> Path:
    """Write the files of a tree below a folder, and return the folder."""
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
    return root


def write_tool(root: Path, name: str, script: str) -> Path:
    """Write a program of a tree, as a shell script."""
    path = root / "usr/bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path
