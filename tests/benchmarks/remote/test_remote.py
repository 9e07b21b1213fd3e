"""Measuring on another machine: what is sent, what comes back, and what goes wrong."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.remote import RemoteResult, bench_remote, remote_names
from edge_mef.benchmarks.remote_session import check_host
from edge_mef.bundle import BUNDLES_FOLDER, MANIFEST, Bundle, load_bundle
from edge_mef.errors import BundleError, EdgeMefError, GateError, InputError, MissingError
from edge_mef.version import __version__
from tests.benchmarks.remote.remote_device import Device

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the other machine needs sh")
HOST = "orin"


def failing(bundle: Bundle, kind: type[EdgeMefError]) -> str:
    with pytest.raises(kind) as found:
        bench_remote(HOST, [bundle], [])
    assert type(found.value) is kind
    assert "\n" not in str(found.value)
    return str(found.value)


def test_records_come_back_and_nothing_stays(device: Device, ours: Bundle, record: Record) -> None:
    device.plan([record], lines=["note: warm", "\x1b[31mred\x07"])
    said: list[str] = []
    arguments = ["--size", "1080x1920", 'it\'s $HOME; `ls` \\ "x" *', ""]
    result = bench_remote(HOST, [ours], arguments, on_line=said.append)
    assert result == RemoteResult((record,), 0, ())
    assert said == ["note: warm", "[31mred"]
    assert device.bench["arguments"] == [
        *("bench", "./ffmef-edge-2", *arguments, "--talk", "--no-history")
    ]
    assert device.is_clean()


def test_the_bundle_arrives_as_it_is(device: Device, tmp_path: Path, record: Record) -> None:
    """Its own files, whatever else is in the folder, and links as what they lead to."""
    device.plan([record])
    folder = tmp_path / "-my bundle's"
    shutil.copytree(BUNDLES_FOLDER / "ffmef-edge-2", folder)
    (folder / "private.txt").write_text("not part of it")
    moved = (folder / MANIFEST).rename(tmp_path / "elsewhere")
    (folder / MANIFEST).symlink_to(moved)
    bundle = load_bundle(folder)
    bench_remote(HOST, [bundle], [])
    expected = {name: entry.sha256 for name, entry in bundle.manifest.files.items()}
    found = {name.partition("/")[2]: digest for name, digest in device.bench["files"].items()}
    assert found.pop(MANIFEST)
    assert found == expected
    assert device.bench["arguments"][1] == "./-my bundle's"


def test_ssh_never_asks(device: Device, ours: Bundle, record: Record) -> None:
    device.plan([record])
    bench_remote("ssh://me@orin.local:2222", [ours], [])
    *options, dashes, host, command = device.ssh_arguments
    assert (dashes, host) == ("--", "ssh://me@orin.local:2222")
    assert {"BatchMode=yes", "ConnectTimeout=10", "ControlMaster=no"} <= set(options)
    assert "\n" not in command


def test_names_there_are_those_that_tables_show(ours: Bundle) -> None:
    paths = ("a/net", "b/net", "b/other/", "c/../d/net")
    bundles = [replace(ours, folder=Path(path)) for path in paths]
    assert remote_names(bundles) == ["net", "b/net", "other", "d/net"]


def test_two_bundles_of_one_name(device: Device, tmp_path: Path, record: Record) -> None:
    device.plan([record])
    folders = [tmp_path / name / "net" for name in ("a", "b")]
    for folder in folders:
        shutil.copytree(BUNDLES_FOLDER / "ffmef-edge-2", folder)
    bench_remote(HOST, [load_bundle(folder) for folder in folders], [])
    assert device.bench["arguments"][1:3] == ["./net", "./b/net"]
    assert {f"net/{MANIFEST}", f"b/net/{MANIFEST}"} <= device.bench["files"].keys()


def test_a_bundle_that_is_gone(device: Device, ours: Bundle, tmp_path: Path) -> None:
    sentence = failing(replace(ours, folder=tmp_path / "gone"), BundleError)
    assert "cannot be read: No such file" in sentence


@pytest.mark.parametrize(
    "host",
    [
        *("", "-oProxyCommand=x", "me@-x", "ssh://-x", "ssh://me@-x:22", "a b", "a\nb", "a\x00"),
        *(
            "a;b",
            "$(x)",
            "`x`",
            "a'b",
            "a|b",
            "http://orin",
            "ssh://",
            "me@",
            "-l@orin",
            "a\u2028b",
        ),
    ],
)
def test_what_is_no_host(device: Device, ours: Bundle, host: str) -> None:
    with pytest.raises(InputError, match="expected user@host"):
        bench_remote(host, [ours], [])
    assert not (device.root / "ssh.json").exists()


def test_hosts() -> None:
    for host in (
        "orin",
        "me@orin",
        "me@10.0.0.2",
        "ssh://me@orin:22",
        "ssh://[::1]:22",
        "fe80::1%e",
    ):
        check_host(host)
    with pytest.raises(InputError, match="write ssh://me@orin:2222"):
        check_host("me@orin:2222")


def test_no_ssh_here(ours: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sentence = failing(ours, MissingError)
    assert "'ssh', which is not on the path" in sentence
    assert "apt install openssh-client" in sentence


CHANGED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
Host key for orin has changed and you have requested strict checking.
Host key verification failed.
"""
WINDOWS = "'sh' is not recognized as an internal or external command,\r\noperable program or batch"
REFUSALS = [
    ("ssh: Could not resolve hostname orin: Name or service not known", InputError, "found 'orin'"),
    ("ssh: connect to host orin port 22: Connection refused", MissingError, "Connection refused)"),
    ("ssh: connect to host orin port 22: Connection timed out", MissingError, "not answer"),
    ("ssh: connect to host orin port 22: No route to host", MissingError, "No route to host)"),
    ("Connection closed by 10.0.0.2 port 22", MissingError, "not answer"),
    ("me@orin: Permission denied (publickey,password).", InputError, "ssh-copy-id"),
    ("Host key verification failed.", InputError, "connect once with 'ssh orin'"),
    (CHANGED, InputError, "another one than ssh remembers"),
    ("/home/me/.ssh/config: terminating, 1 bad configuration options", InputError, "1 bad config"),
    ("", InputError, "ssh said nothing"),
]


@pytest.mark.parametrize(("said", "kind", "part"), REFUSALS, ids=[r[2] for r in REFUSALS])
def test_no_connection(
    device: Device, ours: Bundle, said: str, kind: type[EdgeMefError], part: str
) -> None:
    device.plan(ssh=(255, said and f"Banner\n{said}\n"))
    assert part in failing(ours, kind)


def test_windows_is_not_supported(device: Device, ours: Bundle) -> None:
    device.plan(ssh=(1, WINDOWS))
    assert "orin runs Windows" in failing(ours, InputError)
    uname = device.root / "bin" / "uname"
    uname.write_text("#!/bin/sh\necho MINGW64_NT-10.0-19045\n")
    uname.chmod(0o755)
    device.plan()
    assert "orin runs Windows" in failing(ours, InputError)


def test_no_shell_there(device: Device, ours: Bundle) -> None:
    device.plan(ssh=(1, "This account is currently not available."))
    assert "(This account is currently not available.)" in failing(ours, InputError)


def test_no_edge_mef_there(device: Device, ours: Bundle) -> None:
    (device.root / "bin" / "edge-mef").unlink()
    # Without Python there is none that could have it.
    python = device.root / "bin" / "python3"
    python.write_text("#!/bin/sh\necho 'python3: No module named edge_mef' >&2\nexit 1\n")
    python.chmod(0o755)
    assert failing(ours, MissingError) == (
        "expected edge-mef on orin, found none: run pip install edge-mef there, or name the Python "
        "that has it"
    )
    device.plan(version="ImportError: libGL.so.1: cannot open shared object file", version_code=1)
    device.install("bin/edge-mef")
    assert "does not start (ImportError: libGL.so.1" in failing(ours, MissingError)
    assert device.is_clean()


@pytest.mark.parametrize("place", ["home/.local/bin/edge-mef", "bin/python3"])
def test_where_edge_mef_is_looked_for(
    device: Device, ours: Bundle, record: Record, place: str
) -> None:
    program = device.root / "bin" / "edge-mef"
    program.unlink()
    if place.endswith("python3"):
        device.install("bin/real")
        (device.root / place).write_text('#!/bin/sh\nshift 2\nexec "${0%python3}real" "$@"\n')
        (device.root / place).chmod(0o755)
    else:
        device.install(place)
    device.plan([record])
    assert bench_remote(HOST, [ours], []).records == (record,)


def test_the_python_there_can_be_named(device: Device, ours: Bundle, record: Record) -> None:
    device.install("home/my env/bin/real")
    python = device.root / "home/my env/bin/python"
    python.write_text('#!/bin/sh\n[ "$1 $2" = "-m edge_mef" ] && shift 2 && exec "$0/../real" "$@"')
    python.write_text(python.read_text().replace("$0/../real", "${0%python}real"))
    python.chmod(0o755)
    (device.root / "bin" / "edge-mef").unlink()
    device.plan([record])
    assert bench_remote(HOST, [ours], [], python="~/my env/bin/python").records == (record,)
    assert bench_remote(HOST, [ours], [], python=str(python)).records == (record,)
    with pytest.raises(MissingError):
        bench_remote(HOST, [ours], [], python="~/other/python")


def test_another_version_there(device: Device, ours: Bundle, record: Record) -> None:
    device.plan([record], version="UserWarning: old\nedge-mef 9.4.1")
    result = bench_remote(HOST, [ours], [])
    assert result.notes == (f"orin runs edge-mef 9.4.1, and this machine {__version__}",)
    major, minor, _ = __version__.split(".", 2)
    device.plan([record], version=f"edge-mef {major}.{minor}.99")
    assert bench_remote(HOST, [ours], []).notes == ()


@pytest.mark.parametrize(("code", "kind"), [(1, GateError), (2, InputError), (3, MissingError)])
def test_its_errors_are_ours(
    device: Device, ours: Bundle, record: Record, code: int, kind: type[EdgeMefError]
) -> None:
    said: list[str] = []
    device.plan(code=code, printed="", lines=["note: first", "error: it is slower by 7 %"])
    with pytest.raises(kind, match=r"^orin: it is slower by 7 %$") as found:
        bench_remote(HOST, [ours], [], on_line=said.append)
    assert (type(found.value), said) == (kind, ["note: first"])
    device.plan([record], code=code, lines=["error: it is slower by 7 %"])
    result = bench_remote(HOST, [ours], [])
    assert result == RemoteResult((record,), code, ("orin: it is slower by 7 %",))
    assert device.is_clean()


def test_it_runs_out_of_memory(device: Device, ours: Bundle) -> None:
    device.plan(code=137, printed="", version="edge-mef 9.4.1")
    sentence = failing(ours, InputError)
    assert "left with 137, by signal 9: most likely its memory" in sentence
    assert "orin runs edge-mef 9.4.1" in sentence


@pytest.mark.parametrize("printed", ["", "latency: 3 ms", "[{}]", '{"a": 1', "[" * 100_000])
def test_what_is_no_record(device: Device, ours: Bundle, printed: str) -> None:
    device.plan(printed=printed)
    assert "expected records from orin" in failing(ours, InputError)


def test_records_are_checked(device: Device, ours: Bundle, record: Record) -> None:
    text = record.model_dump_json()
    device.plan(printed=text.replace('"title":"ffmef-edge-2"', '"title":"other"'))
    assert "record 1 of orin was changed or damaged" in failing(ours, InputError)
    device.plan(printed=text.replace('"schema_version":1', '"schema_version":2'))
    sentence = failing(ours, InputError)
    assert "record 1 of orin was written by a newer EdgeMEF (schema 2" in sentence
    assert sentence.endswith("pip install -U edge-mef")


def test_what_a_login_prints_is_left_out(device: Device, ours: Bundle, record: Record) -> None:
    ssh = device.root / "here" / "ssh"
    ssh.write_text(ssh.read_text().replace('"-c", sys.argv', '"-c", "printf [0]; " + sys.argv'))
    device.plan([record])
    assert bench_remote(HOST, [ours], []).records == (record,)


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ("tar: model.onnx: Wrote only 512 of 1024 bytes\ntar: No space left on device", "is full"),
        ("sh: tar: not found", "(sh: tar: not found)"),
    ],
)
def test_it_cannot_be_copied(device: Device, ours: Bundle, said: str, part: str) -> None:
    tar = device.root / "bin" / "tar"
    tar.write_text(f"#!/bin/sh\nprintf '{said}\\n' >&2\nexit 2\n")
    tar.chmod(0o755)
    assert part in failing(ours, InputError)
    assert device.is_clean()


def test_there_is_no_temporary_folder(device: Device, ours: Bundle) -> None:
    (device.root / "tmp").rmdir()
    (device.root / "tmp").write_text("a file")
    assert "could not be copied to orin (mktemp:" in failing(ours, InputError)


def test_a_large_bundle_and_much_output(device: Device, tmp_path: Path, record: Record) -> None:
    """More than pipes hold, in both directions at once."""
    folder = Path(shutil.copytree(BUNDLES_FOLDER / "ffmef-edge-2", tmp_path / "net"))
    bundle = load_bundle(folder)
    device.plan([record] * 20, lines=["x" * 1000] * 300)
    said: list[str] = []
    result = bench_remote(HOST, [bundle], [], on_line=said.append)
    assert result.records == (record,) * 20
    assert said == ["x" * 1000] * 300
