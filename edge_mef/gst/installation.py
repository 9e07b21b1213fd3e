"""Telling GStreamer where the element is, and finding out what is missing where it is not found."""

import json
import os
import shlex
import shutil
import site
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from edge_mef.errors import MissingError

PLUGINS = Path(__file__).resolve().parent
"""What GST_PLUGIN_PATH must name: GStreamer looks into its folder `python`."""
DEBIAN_PACKAGES = (
    "gstreamer1.0-tools",
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-python3-plugin-loader",
)
SYSTEM_PYTHON = "/usr/bin/python3"
"""The distribution's own, to which its GStreamer and that one's loader belong."""
_INSTALL = f"apt-get install {' '.join(DEBIAN_PACKAGES)}"
_LONGEST = 60  # seconds; a first start of GStreamer looks at every plugin
_ASK_GI = """
import gi, json, sys
for name in ("Gst", "GstBase", "GstVideo"):
    gi.require_version(name, "1.0")
from gi.repository import Gst, GstBase, GstVideo
import gi.overrides._gi_gst
print(json.dumps(list(sys.version_info[:2])))
"""
_WHERE_IS_GI = "import gi, pathlib; print(pathlib.Path(gi.__file__).parents[1])"
_ASK_FUSER = "import edge_mef.gst.bracket_fusion"


def environment(present: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that GStreamer needs to find the element, and EdgeMEF from it.

    GStreamer brings a Python of its own; it finds what is installed beside this EdgeMEF only where
    PYTHONPATH names it. What the variables hold already stays behind.
    """
    plugins = "GST_PLUGIN_PATH_1_0" if "GST_PLUGIN_PATH_1_0" in present else "GST_PLUGIN_PATH"
    package = str(PLUGINS.parents[1])
    folders = [package, *site.getsitepackages()]
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    bindings = _bindings_folder()
    if bindings is not None:
        folders.append(bindings)  # last: it holds much else
    return {
        plugins: _joined([str(PLUGINS)], present.get(plugins)),
        "PYTHONPATH": _joined(folders, present.get("PYTHONPATH")),
    }


@cache
def _bindings_folder() -> str | None:
    """Return where GStreamer's Python has its bindings, None where there are none.

    In a virtual environment without the system's packages it would not look there, fail to start,
    and be put on GStreamer's list of plugins that do not work.
    """
    try:
        found = subprocess.run(
            [SYSTEM_PYTHON, "-I", "-c", _WHERE_IS_GI],
            capture_output=True,
            text=True,
            timeout=_LONGEST,
            check=False,
        )
    except OSError:
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None


def export_lines() -> str:
    """Return the variables as lines for a shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment().items())


def check_element() -> str:
    """Find out whether GStreamer has the element, with the variables set; return what works.

    Raises:
        MissingError: something is missing; it says what, and how it is installed.
    """
    inspect = shutil.which("gst-inspect-1.0")
    if inspect is None:
        raise MissingError(f"GStreamer's tools are not installed: {_INSTALL}")
    with tempfile.TemporaryDirectory() as folder:
        # What GStreamer remembers of a try without the variables would be taken for true.
        fresh = {"GST_REGISTRY": str(Path(folder, "registry.bin"))}
        if _run([inspect, "python"], fresh).returncode != 0:
            raise MissingError(
                f"GStreamer's loader for Python plugins is not installed: {_INSTALL}"
            )
        version = _gstreamer_python()
        if _run([inspect, "edgemeffuse"], fresh).returncode != 0:
            raise MissingError(
                f"GStreamer does not load {PLUGINS / 'python' / 'edgemeffuse.py'}: "
                "GST_DEBUG=python:6 gst-inspect-1.0 edgemeffuse tells why"
            )
    if _run([inspect, "edgemeffuse"]).returncode != 0:
        place = os.environ.get("GST_REGISTRY", "~/.cache/gstreamer-1.0/registry.*.bin")
        raise MissingError(
            f"GStreamer remembers a try that failed: remove its list of plugins, {place}"
        )
    return f"edgemeffuse works with GStreamer's Python {version}"


def _gstreamer_python() -> str:
    """Return the version of the Python that GStreamer uses; it must be able to fuse."""
    python = SYSTEM_PYTHON
    found = _run([python, "-c", _ASK_GI])
    if found.returncode != 0:
        raise MissingError(f"the Python bindings of GStreamer are not installed: {_INSTALL}")
    version = ".".join(map(str, json.loads(found.stdout)))
    own = "{}.{}".format(*sys.version_info)
    found = _run([python, "-c", _ASK_FUSER])
    if found.returncode == 0:
        return version
    if version != own:
        raise MissingError(
            f"GStreamer's Python is {version} and EdgeMEF is installed for {own}: install EdgeMEF "
            f"in an environment of {python}, made by {python} -m venv"
        )
    last = found.stderr.strip().splitlines()[-1:] or ["it says nothing"]
    raise MissingError(
        f"{python} cannot import EdgeMEF with what is installed beside it ({last[0]}): install "
        "EdgeMEF again, in an environment of this Python"
    )


def _run(
    command: list[str], variables: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        env={**os.environ, **environment(), **(variables or {})},
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
    )


def _joined(folders: list[str], present: str | None) -> str:
    return os.pathsep.join(dict.fromkeys([*folders, *(present or "").split(os.pathsep)])).rstrip(
        os.pathsep
    )
