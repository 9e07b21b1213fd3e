#!/usr/bin/env bash
# Fuse two cameras of a Jetson into a video: bash examples/jetson_camera.sh FUSED.mp4
#
# NOT RUN by us on a Jetson: we have none. Only the way the elements are linked was run, with test
# videos for the cameras. Both cameras look at one scene and are synchronised; each keeps its
# exposure. PYTHON is the one that EdgeMEF is installed for, and BUNDLE a bundle for TensorRT.
set -euo pipefail
[ $# = 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 1; }
eval "$("${PYTHON:-python3}" -m edge_mef.gst)"

dark=2000000 bright=16000000  # nanoseconds that the shutter is open
fixed=(aelock=true "gainrange=1 1" "ispdigitalgainrange=1 1")
camera="video/x-raw(memory:NVMM),format=NV12,width=1920,height=1080,framerate=30/1"
plain="video/x-raw,format=BGRx"
latest=(queue max-size-buffers=2 leaky=downstream)  # what comes too late is not waited for

# With -e an interrupt ends the file as it should be ended.
exec gst-launch-1.0 -e \
    edgemeffuse name=fuse order=pads runtime=tensorrt "bundle=${BUNDLE:-for-jetson}" ! "$plain" ! \
    nvvidconv ! "video/x-raw(memory:NVMM),format=NV12" ! nvv4l2h264enc ! h264parse ! qtmux ! \
    filesink "location=$1" \
    nvarguscamerasrc sensor-id=0 "${fixed[@]}" "exposuretimerange=$dark $dark" ! \
    "$camera" ! nvvidconv ! "$plain" ! "${latest[@]}" ! fuse.sink_0 \
    nvarguscamerasrc sensor-id=1 "${fixed[@]}" "exposuretimerange=$bright $bright" ! \
    "$camera" ! nvvidconv ! "$plain" ! "${latest[@]}" ! fuse.sink_1
