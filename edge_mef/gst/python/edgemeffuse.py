"""`edgemeffuse`, the element: GStreamer's Python loader finds it in this folder.

Of EdgeMEF nothing is imported before a pipeline starts: whoever lists plugins loads this file too,
and where EdgeMEF is not to be found, the pipeline's error says so.
"""

import functools
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstBase", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import GObject, Gst, GstBase, GstVideo  # noqa: E402

if TYPE_CHECKING:
    from edge_mef.gst.bracket_fusion import BracketFusion
    from edge_mef.gst.caps import VideoCaps
    from edge_mef.gst.formats import Layout

FORMATS = ("RGB", "BGR", "BGRx", "RGBx")
ORDERS = ("auto", "pads")
CAPS = Gst.Caps.from_string(
    f"video/x-raw, format={{ {', '.join(FORMATS)} }}, width=[ 1, 32767 ], height=[ 1, 32767 ], "
    "framerate=[ 0/1, 2147483647/1 ]"
)
_NONE = Gst.CLOCK_TIME_NONE
_WARN_AFTER = 60  # buffers in a row without a bracket; a second of two usual cameras
_LONGEST_ALONE = 3.0  # seconds that a first pad waits for a second one to be linked
_LOOK = 0.02  # seconds between two looks at that


def guarded(failed: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make what a method raises the element's error; it returns `failed` then.

    GStreamer would print a traceback, and go on with a return value of zeros, which means success.
    """

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def run(self: "EdgeMefFuse", *arguments: Any) -> Any:
            try:
                return method(self, *arguments)
            except Exception as error:  # all of them: nobody above could catch it
                self.fail(error)
                return failed

        return run

    return decorate


def pad_template(name: str, direction: Any, presence: Any) -> Any:
    """Return a template for pads of an aggregator."""
    kind = GstBase.AggregatorPad.__gtype__
    return Gst.PadTemplate.new_with_gtype(name, direction, presence, CAPS, kind)


def input_error(text: str) -> Exception:
    """Return an error of EdgeMEF's, to be raised."""
    from edge_mef.errors import InputError

    return InputError(text)


class EdgeMefFuse(GstBase.Aggregator):  # type: ignore[misc]  # it has no types
    """Fuses two or more videos of one scene, exposed differently, into one.

    Buffers of one instant are found by their times. The fused video has times, size and framerate
    of the pad with the lowest number.
    """

    __gstmetadata__ = (
        "Multi-exposure fusion",
        "Filter/Editor/Video/Compositor",
        "Fuses two or more differently exposed videos of one scene with a small network",
        "EdgeMEF",
    )
    __gsttemplates__ = (
        pad_template("sink_%u", Gst.PadDirection.SINK, Gst.PadPresence.REQUEST),
        pad_template("src", Gst.PadDirection.SRC, Gst.PadPresence.ALWAYS),
    )

    bundle = GObject.Property(
        type=str,
        default="",
        nick="Bundle",
        blurb="Folder of a bundle, or the name of one of EdgeMEF's own; empty for the default",
    )
    runtime = GObject.Property(
        type=str,
        default="",
        nick="Runtime",
        blurb="What runs the bundle: onnxruntime, tensorrt, openvino; empty for what runs here",
    )
    threads = GObject.Property(
        type=int,
        default=0,
        minimum=0,
        maximum=1024,
        nick="Threads",
        blurb="CPU threads; 0 for all",
    )
    align = GObject.Property(
        type=bool, default=False, nick="Align", blurb="Move the exposures onto each other first"
    )
    order = GObject.Property(
        type=str,
        default="auto",
        nick="Order",
        blurb="auto: the darkest is found by brightness; pads: the lowest number is the darkest",
    )
    tolerance = GObject.Property(
        type=GObject.TYPE_UINT64,
        default=0,
        nick="Tolerance",
        blurb="How far apart buffers of one instant may be, in nanoseconds; 0 for half a frame",
    )
    fused = GObject.Property(
        getter=lambda self: self._fused,
        type=GObject.TYPE_UINT64,
        flags=GObject.ParamFlags.READABLE,
        nick="Fused",
        blurb="Brackets fused since the start",
    )
    dropped = GObject.Property(
        getter=lambda self: self._dropped,
        type=GObject.TYPE_UINT64,
        flags=GObject.ParamFlags.READABLE,
        nick="Dropped",
        blurb="Buffers without a partner since the start",
    )

    def __init__(self) -> None:
        super().__init__()
        self._fusion: BracketFusion | None = None
        self._caps: dict[str, VideoCaps] = {}  # of each pad's oldest buffer, by the pad's name
        self._segments: dict[str, Any] = {}
        self._output: Layout | None = None
        self._negotiate_again = True
        self._fused = self._dropped = self._in_a_row = 0
        self._alone_since = 0.0

    @guarded(False)
    def do_start(self) -> bool:
        """Open the bundle."""
        from edge_mef.fuser import Fuser
        from edge_mef.gst.bracket_fusion import BracketFusion

        if self.order not in ORDERS:
            raise input_error(f"expected an order of {', '.join(ORDERS)}, found '{self.order}'")
        fuser = Fuser.open(
            self.bundle or None, runtime=self.runtime or None, threads=self.threads or None
        )
        self._fusion = BracketFusion(fuser, align=self.align, sort=self.order == "auto")
        self._fused = self._dropped = self._in_a_row = 0
        self._caps.clear()
        self._segments.clear()
        self._output, self._negotiate_again, self._alone_since = None, True, 0.0
        return True

    @guarded(False)
    def do_stop(self) -> bool:
        """Close the bundle."""
        if self._fusion is not None:
            self._fusion.close()
        self._fusion = None
        return True

    @guarded(False)
    def do_sink_event(self, pad: Any, event: Any) -> bool:
        """Note caps, and hand on the segment of the pad whose times the fused video has."""
        from edge_mef.gst.caps import read_caps

        if event.type == Gst.EventType.CAPS:
            caps = event.parse_caps().get_structure(0)
            self._caps[pad.get_name()] = read_caps(caps, caps.to_string())
            self._negotiate_again = True
        elif event.type == Gst.EventType.SEGMENT:
            self._note_segment(pad, event.parse_segment().copy())
        return bool(GstBase.Aggregator.do_sink_event(self, pad, event))

    def _note_segment(self, pad: Any, segment: Any) -> None:
        if segment.format != Gst.Format.TIME:
            raise input_error(
                f"expected a segment in time on {pad.get_name()}, found one in "
                f"{Gst.Format.get_name(segment.format)}: parse raw video with rawvideoparse"
            )
        self._segments[pad.get_name()] = segment
        if pad == self._pads()[0]:
            self.update_segment(segment)

    @guarded(False)
    def do_sink_query(self, pad: Any, query: Any) -> bool:
        """Ask what is behind for its sizes and framerates: they hold in front as well."""
        if query.type != Gst.QueryType.CAPS:
            return bool(GstBase.Aggregator.do_sink_query(self, pad, query))
        wanted = query.parse_caps()
        caps = _of_any_format(self.srcpad.peer_query_caps(CAPS)).intersect(CAPS)
        query.set_caps_result(caps if wanted is None else wanted.intersect(caps))
        return True

    def do_negotiate(self) -> bool:
        """Negotiate with the next bracket: before it, nothing is known."""
        self._negotiate_again = True
        return True

    @guarded(Gst.FlowReturn.ERROR)
    def do_aggregate(self, _timeout: bool) -> Any:
        """Fuse the oldest buffers of all pads where they are of one instant."""
        pads = self._pads()
        if any(pad.is_eos() for pad in pads):
            if not self._fused and 0 < self._dropped < _WARN_AFTER:
                self._warn("no two buffers had the same time")
            return Gst.FlowReturn.EOS  # no bracket will be complete any more
        if len(pads) < 2:
            return self._wait_for_another(len(pads))
        buffers = [pad.peek_buffer() for pad in pads]
        if None in buffers:
            return Gst.FlowReturn.OK  # flushed meanwhile
        unfit = self._unfit(pads, buffers)
        if not unfit:
            self.selected_samples(buffers[0].pts, buffers[0].dts, buffers[0].duration, None)
        for index in unfit or range(len(pads)):
            pads[index].drop_buffer()
        if unfit:
            self._count_dropped(len(unfit))
            return Gst.FlowReturn.OK
        fused = self._fuse(pads, buffers)
        self._in_a_row, self._fused = 0, self._fused + 1
        return self.finish_buffer(fused)

    def _pads(self) -> list[Any]:
        """Return the sink pads by their numbers; the first is the one whose times are kept."""
        return sorted(self.sinkpads, key=lambda pad: int(pad.get_name().rpartition("_")[2]))

    def _wait_for_another(self, count: int) -> Any:
        """Give sources that find their pads late, such as files, time to be linked."""
        now = time.monotonic()
        self._alone_since = self._alone_since or now
        if now - self._alone_since > _LONGEST_ALONE:
            raise input_error(
                f"expected two or more linked pads sink_%u, found {count}: link a video of every "
                "exposure"
            )
        time.sleep(_LOOK)
        return Gst.FlowReturn.OK

    def _unfit(self, pads: list[Any], buffers: list[Any]) -> list[int]:
        """Return which of the buffers can be in no bracket."""
        from edge_mef.gst.matching import tolerances_of, without_partner

        empty = [index for index, buffer in enumerate(buffers) if buffer.get_size() == 0]
        if empty:
            return empty  # what is left of a gap
        times = [self._running_time(pad, buffer) for pad, buffer in zip(pads, buffers, strict=True)]
        outside = [index for index, time in enumerate(times) if time == _NONE]
        if outside:
            return outside
        intervals = [
            self._caps_of(pad).interval or (None if buffer.duration == _NONE else buffer.duration)
            for pad, buffer in zip(pads, buffers, strict=True)
        ]
        return without_partner(times, tolerances_of(intervals, self.tolerance))

    def _running_time(self, pad: Any, buffer: Any) -> int:
        """Return a buffer's running time; `_NONE` where it lies outside of its pad's segment."""
        if buffer.pts == _NONE:
            raise input_error(
                f"expected buffers with timestamps on {pad.get_name()}, found one without: let the "
                "source make them, as with do-timestamp=true, or parse raw video with rawvideoparse"
            )
        segment = self._segments[pad.get_name()]
        return int(segment.to_running_time(Gst.Format.TIME, buffer.pts))

    def _count_dropped(self, count: int) -> None:
        before, self._in_a_row = self._in_a_row, self._in_a_row + count
        self._dropped += count
        if before < _WARN_AFTER <= self._in_a_row:
            self._warn(
                f"{_WARN_AFTER} buffers in a row had no partner of the same time on every pad"
            )

    def _warn(self, what: str) -> None:
        advice = "synchronise the cameras, or raise the property tolerance"
        self._say(Gst.MessageType.WARNING, f"{what}: {advice}")

    def _fuse(self, pads: list[Any], buffers: list[Any]) -> Any:
        """Return a new buffer with the fused frame, and times and flags of the first one."""
        from edge_mef.gst.caps import check_sizes
        from edge_mef.gst.formats import Picture

        layouts = [
            _layout(self._caps_of(pad), buffer) for pad, buffer in zip(pads, buffers, strict=True)
        ]
        check_sizes([pad.get_name() for pad in pads], layouts)
        output = self._negotiated(pads)
        fused = Gst.Buffer.new_allocate(None, output.size, None)
        with ExitStack() as mapped:
            exposures = [
                Picture(mapped.enter_context(buffer.map(Gst.MapFlags.READ)).data, layout)
                for buffer, layout in zip(buffers, layouts, strict=True)
            ]
            room = mapped.enter_context(fused.map(Gst.MapFlags.WRITE))
            self._opened().fuse(exposures, Picture(room.data, output))
        what = Gst.BufferCopyFlags.FLAGS | Gst.BufferCopyFlags.TIMESTAMPS
        fused.copy_into(buffers[0], what, 0, buffers[0].get_size())
        return fused

    def _opened(self) -> "BracketFusion":
        if self._fusion is None:
            raise input_error(
                "expected the element to be started, found it stopped: start it again"
            )
        return self._fusion

    def _caps_of(self, pad: Any) -> "VideoCaps":
        """Return the caps of a pad's oldest buffer."""
        caps = self._caps.get(pad.get_name())
        if caps is None:
            raise input_error(
                f"expected caps on {pad.get_name()} before its first buffer, found none: put a "
                "capsfilter before it"
            )
        return caps

    def _negotiated(self, pads: list[Any]) -> "Layout":
        """Return how the fused frame lies in its buffer; caps go out where something changed."""
        from edge_mef.gst.caps import read_caps

        if self._output is not None and not self._negotiate_again:
            return self._output
        first = self._caps_of(pads[0])
        wanted = _of_any_format(Gst.Caps.from_string(first.text), first.layout.format)
        caps = self.srcpad.peer_query_caps(wanted)
        if caps.is_empty():
            raise input_error(
                f"expected what comes behind to take {first} as {', '.join(FORMATS)}, found that "
                "it does not: put videoconvert and videoscale behind"
            )
        caps = caps.fixate()
        self._output = read_caps(caps.get_structure(0)).layout
        self._opened().prepare(len(pads), self._output.height, self._output.width)
        self._negotiate_again = False
        # Fusing takes up to a frame: where it takes more, nothing keeps up anyway.
        self.set_latency(first.interval or 0, first.interval or 0)
        self.set_src_caps(caps)
        return self._output

    def fail(self, error: Exception) -> None:
        """Post an error to the bus: one sentence; what nobody expected has a traceback as well."""
        errors = sys.modules.get("edge_mef.errors")
        known = errors is not None and isinstance(error, errors.EdgeMefError)
        text = str(error) if known else f"{type(error).__name__}: {error}"
        if isinstance(error, ModuleNotFoundError):
            text = _NOT_INSTALLED.format(error)
        self._say(Gst.MessageType.ERROR, text, "" if known else traceback.format_exc())

    def _say(self, kind: Any, text: str, details: str = "") -> None:
        domain = Gst.LibraryError.quark()
        code = int(Gst.LibraryError.SETTINGS)
        where = (type(self).__name__, "", 0)
        self.message_full(kind, domain, code, " ".join(text.split()), details or None, *where)


_NOT_INSTALLED = (
    "GStreamer's Python does not find EdgeMEF or what it needs ({}): set PYTHONPATH, as "
    "python -m edge_mef.gst prints it"
)


def _layout(caps: "VideoCaps", buffer: Any) -> "Layout":
    """Return how a frame lies in its buffer, which may say so itself."""
    meta = GstVideo.buffer_get_video_meta(buffer)
    if meta is None:
        return caps.layout
    return replace(caps.layout, stride=meta.stride[0], offset=meta.offset[0])


def _of_any_format(caps: Any, first: str | None = None) -> Any:
    """Return caps with every format that there is, `first` before the others."""
    names = [name for name in (first, *FORMATS) if name is not None]
    result = Gst.Caps.new_empty()
    for index in range(caps.get_size()):
        for name in dict.fromkeys(names):
            structure = caps.get_structure(index).copy()
            structure.set_value("format", name)
            result.append_structure(structure)
    return result


GObject.type_register(EdgeMefFuse)
__gstelementfactory__ = ("edgemeffuse", Gst.Rank.NONE, EdgeMefFuse)
