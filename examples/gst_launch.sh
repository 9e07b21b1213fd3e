#!/usr/bin/env bash
# Fuse two test videos of different brightness with GStreamer: bash examples/gst_launch.sh FUSED.ogv
#
# Put your cameras or files where videotestsrc is. PYTHON is the one that EdgeMEF is installed for.
set -euo pipefail
[ $# = 1 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 1; }
eval "$("${PYTHON:-python}" -m edge_mef.gst)"

size="video/x-raw,format=RGB,width=320,height=180,framerate=30/1"
ball="videotestsrc pattern=ball animation-mode=frames num-buffers=30"
dark="foreground-color=0xff605040 background-color=0xff101418"
bright="foreground-color=0xfff0d0b0 background-color=0xff506070"

# shellcheck disable=SC2086  # these are several words on purpose
gst-launch-1.0 \
    edgemeffuse name=fuse ! videoconvert ! theoraenc ! oggmux ! filesink location="$1" \
    $ball $dark ! $size ! queue ! fuse. \
    $ball $bright ! $size ! queue ! fuse.
