"""Run a pipeline and print what it did as JSON: python3 pipeline_program.py LAUNCH OPTIONS.

It runs in the Python of GStreamer, so it imports neither pytest nor EdgeMEF. Options, as JSON:

lose: by the name of an identity element, which buffers it loses, counted from 0.
shift: by the name of an identity element, nanoseconds that are added to the times of its buffers.
strip: names of identity elements whose buffers lose their times.
padded: by the name of an appsrc, bytes that each row of its RGB video is longer than it need be.
again: play it once more from the start.
seek: nanoseconds to seek to before it plays.
fail: the text of an exception that fusing raises.
timeout: seconds until it is given up.
"""

import json
import random
import sys
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import GLib, Gst, GstVideo  # noqa: E402

NOTHING: dict[str, Any] = {
    "warnings": [], "latency": None, "times": [], "running": [], "caps": [], "memory": []
}  # fmt: skip


class Watch:
    """Notes the buffers that arrive at the element called `out`."""

    def __init__(self) -> None:
        self.times: list[list[int]] = []  # PTS, DTS, duration; -1 for none
        self.running: list[int] = []
        self.caps: list[str] = []
        self.memory: list[int] = []  # bytes, every 100 buffers

    def see(self, pad: Any, info: Any) -> Any:
        buffer = info.get_buffer()
        times = [buffer.pts, buffer.dts, buffer.duration]
        self.times.append([-1 if t == Gst.CLOCK_TIME_NONE else t for t in times])
        segment = pad.get_sticky_event(Gst.EventType.SEGMENT, 0).parse_segment()
        self.running.append(segment.to_running_time(Gst.Format.TIME, buffer.pts))
        caps = pad.get_current_caps().to_string()
        if self.caps[-1:] != [caps]:
            self.caps.append(caps)
        if len(self.times) % 100 == 1:
            self.memory.append(resident_bytes())
        return Gst.PadProbeReturn.OK


class Spoil:
    """Loses, moves or strips the buffers of one identity element."""

    def __init__(self, lost: list[int], shift: int, strip: bool) -> None:
        self.lost, self.shift, self.strip, self.count = lost, shift, strip, 0

    def see(self, _pad: Any, info: Any) -> Any:
        self.count += 1
        if self.count - 1 in self.lost:
            return Gst.PadProbeReturn.DROP
        buffer = info.get_buffer()
        if self.shift:
            buffer.pts += self.shift
        if self.strip:
            buffer.pts = Gst.CLOCK_TIME_NONE
        return Gst.PadProbeReturn.OK


def resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


def make_fusing_fail(text: str) -> None:
    from edge_mef.fuser import Fuser

    def fail(*_: object) -> None:
        raise ZeroDivisionError(text)

    Fuser.fuse_into = fail  # type: ignore[assignment]


def push_padded(source: Any, more: int) -> None:
    """Push a frame of noise that says how its rows lie, and write its pixels to `NAME.raw`."""
    structure = source.get_property("caps").get_structure(0)
    width, height = structure.get_int("width")[1], structure.get_int("height")[1]
    offset, stride = 10, 3 * width + more
    data = random.Random(more).randbytes(offset + stride * height)
    buffer = Gst.Buffer.new_wrapped(data)
    buffer.pts, buffer.duration = 0, Gst.SECOND
    flags, kind = GstVideo.VideoFrameFlags.NONE, GstVideo.VideoFormat.RGB
    GstVideo.buffer_add_video_meta_full(
        buffer, flags, kind, width, height, 1, [offset, 0, 0, 0], [stride, 0, 0, 0]
    )
    rows = [data[offset + stride * y :][: 3 * width] for y in range(height)]
    Path(f"{source.get_name()}.raw").write_bytes(b"".join(rows))
    source.emit("push-buffer", buffer)
    source.emit("end-of-stream")


def run(launch: str, options: dict[str, Any]) -> dict[str, Any]:
    watch = Watch()
    try:
        pipeline = Gst.parse_launch(launch)
    except GLib.Error as error:
        return {"ended": "error", "error": error.message, **NOTHING}
    out = pipeline.get_by_name("out")
    out.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, watch.see)
    lose, shift = options.get("lose", {}), options.get("shift", {})
    strip = options.get("strip", [])
    for name in {*lose, *shift, *strip}:
        spoil = Spoil(lose.get(name, []), shift.get(name, 0), name in strip)
        pad = pipeline.get_by_name(name).get_static_pad("src")
        pad.add_probe(Gst.PadProbeType.BUFFER, spoil.see)
    if "fail" in options:
        make_fusing_fail(options["fail"])
    for name, more in options.get("padded", {}).items():
        push_padded(pipeline.get_by_name(name), more)
    answer = play(pipeline, options)
    if options.get("again"):
        pipeline.set_state(Gst.State.NULL)
        answer = play(pipeline, options)
    fuse = pipeline.get_by_name("fuse")
    if fuse is not None:
        answer |= {"fused": fuse.get_property("fused"), "dropped": fuse.get_property("dropped")}
    pipeline.set_state(Gst.State.NULL)
    return answer | {
        "times": watch.times,
        "running": watch.running,
        "caps": watch.caps,
        "memory": watch.memory,
    }


def play(pipeline: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Play to the end or the first error; return how it ended."""
    answer: dict[str, Any] = {"ended": "timeout", "error": "", "warnings": [], "latency": None}
    if "seek" in options:
        pipeline.set_state(Gst.State.PAUSED)
        pipeline.get_state(5 * Gst.SECOND)
        flags = Gst.SeekFlags.FLUSH | Gst.SeekFlags.ACCURATE
        pipeline.seek_simple(Gst.Format.TIME, flags, options["seek"])
    pipeline.set_state(Gst.State.PLAYING)
    kinds = Gst.MessageType.EOS | Gst.MessageType.ERROR | Gst.MessageType.WARNING
    bus, timeout = pipeline.get_bus(), options.get("timeout", 30)
    while (message := bus.timed_pop_filtered(timeout * Gst.SECOND, kinds)) is not None:
        if message.type == Gst.MessageType.EOS:
            answer["ended"] = "eos"
            break
        if message.type == Gst.MessageType.ERROR:
            answer["ended"], answer["error"] = "error", message.parse_error()[0].message
            answer["source"] = message.src.get_name()
            break
        answer["warnings"].append(message.parse_warning()[0].message)
    query = Gst.Query.new_latency()
    if pipeline.query(query):
        answer["latency"] = list(query.parse_latency())
    return answer


if __name__ == "__main__":
    Gst.init(None)
    print(json.dumps(run(sys.argv[1], json.loads(sys.argv[2]))))
