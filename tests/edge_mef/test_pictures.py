"""One picture: what is read, what is refused, and what is written."""

import io
import os
import random
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps
from PIL.TiffImagePlugin import IFDRational, ImageFileDirectory_v2

from edge_mef.errors import FrameTooLargeError, InputError
from edge_mef.metadata import GPS, IMAGE, PHOTO, Metadata
from edge_mef.pictures import (
    MAX_PIXELS,
    picture_size,
    read_metadata,
    read_picture,
    write_picture,
)

Order = Literal["<", ">"]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
TAGS: dict[tuple[int, int], Any] = {
    (IMAGE, 0x010F): "Maker",
    (IMAGE, 0x0110): "Model 1",
    (IMAGE, 0x013B): "Zoë Müller",
    (PHOTO, 0x829A): IFDRational(1, 60),
    (PHOTO, 0x829D): IFDRational(28, 10),
    (PHOTO, 0x8827): 200,
    (PHOTO, 0x9000): b"0232",
    (PHOTO, 0x9003): "2024:05:06 07:08:09",
    (PHOTO, 0x9204): IFDRational(-2, 1),
    (PHOTO, 0x9291): "25",
    (PHOTO, 0xA434): "50mm f/1.4 é",
    (GPS, 1): "N",
    (GPS, 2): (48.0, 30.0, 1.5),
}


def noise(*shape: int, seed: int = 0, dtype: type = np.uint8) -> NDArray[Any]:
    top = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, int(top) + 1, shape, dtype=dtype)


def to_8_bits(values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    return np.rint(values / 257).astype(np.uint8)


def exif_with(tags: dict[int, Any]) -> Image.Exif:
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    return exif


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def raw_tiff(values: NDArray[Any], order: Order = "<", tags: dict[int, Any] | None = None) -> bytes:
    """An uncompressed TIFF of (H, W, C) or (H, W) integers in either byte order."""
    channels = 1 if values.ndim == 2 else values.shape[2]
    bits = values.dtype.itemsize * 8
    ifd = ImageFileDirectory_v2(b"II*\0\0\0\0\0" if order == "<" else b"MM\0*\0\0\0\0")
    body = values.astype(values.dtype.newbyteorder(order)).tobytes()
    layout = {256: values.shape[1], 257: values.shape[0], 258: (bits,) * channels, 259: 1}
    layout |= {262: 2 if channels >= 3 else 1, 273: 0, 277: channels, 279: len(body)}
    if channels in (2, 4):
        layout[338] = 2
    for tag, value in (layout | (tags or {})).items():
        ifd[tag] = value
    stream = io.BytesIO()
    ifd.save(stream)
    return stream.getvalue() + body


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".tif", ".tiff", ".PNG"])
@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 5000, 3), (5000, 3, 3), (60, 80, 3)])
def test_round_trip(tmp_path: Path, suffix: str, shape: tuple[int, ...]) -> None:
    path = tmp_path / f"a{suffix}"
    pixels = noise(*shape)
    like = Metadata(exif=TAGS, icc_profile=SRGB)
    write_picture(path, pixels, like=like)
    picture = read_picture(path)
    assert picture.path == path
    assert picture.pixels.shape == shape == (*picture_size(path), 3)
    assert picture.pixels.flags.c_contiguous
    assert picture.pixels.dtype == np.uint8
    assert "jp" in suffix or np.array_equal(picture.pixels, pixels)
    assert picture.metadata.exif == TAGS
    assert picture.metadata.icc_profile == SRGB
    assert picture.metadata == read_metadata(path)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_tiff_is_read_by_others(tmp_path: Path) -> None:
    pixels = noise(70, 90, 3)
    write_picture(tmp_path / "a.tif", pixels, like=Metadata(exif=TAGS, icc_profile=SRGB))
    by_opencv = cv2.imread(str(tmp_path / "a.tif"))
    assert by_opencv is not None
    assert np.array_equal(by_opencv[..., ::-1], pixels)
    with Image.open(tmp_path / "a.tif") as image:
        assert np.array_equal(np.asarray(image), pixels)
        assert image.getexif().get_ifd(PHOTO)[0x829A] == IFDRational(1, 60)


def test_jpeg_keeps_full_colour_resolution(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.jpg", noise(16, 16, 3))
    with Image.open(tmp_path / "a.jpg") as image:
        assert all(component[1:3] == (1, 1) for component in image.layer)  # type: ignore[attr-defined]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_orientation(tmp_path: Path, orientation: int, suffix: str) -> None:
    image = Image.fromarray(cv2.resize(noise(3, 4, 3), (64, 48), interpolation=cv2.INTER_NEAREST))
    path = tmp_path / f"a.{suffix}"
    image.save(path, exif=exif_with({0x0112: orientation}), quality=100)
    with Image.open(path) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened))
    assert np.array_equal(read_picture(path).pixels, expected)
    assert picture_size(path) == expected.shape[:2]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_of_16_bit_tiff(
    tmp_path: Path, orientation: int, order: Literal["<", ">"]
) -> None:
    values = noise(3, 5, 3, dtype=np.uint16)
    (tmp_path / "a.tif").write_bytes(raw_tiff(values, order, {274: orientation}))
    (tmp_path / "b.tif").write_bytes(raw_tiff(to_8_bits(values), order, {274: orientation}))
    expected = read_picture(tmp_path / "b.tif").pixels
    assert np.array_equal(read_picture(tmp_path / "a.tif").pixels, expected)
    assert picture_size(tmp_path / "a.tif") == expected.shape[:2]


def test_exif_behind_the_pixels_of_a_png(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (4, 2)).save(stream, "PNG")
    exif = exif_with({0x0112: 6, PHOTO: {0x829A: 0.5}}).tobytes()[6:]
    (tmp_path / "a.png").write_bytes(
        stream.getvalue()[:-12] + png_chunk(b"eXIf", exif) + stream.getvalue()[-12:]
    )
    assert picture_size(tmp_path / "a.png") == (4, 2)
    assert read_picture(tmp_path / "a.png").pixels.shape == (4, 2, 3)
    assert read_metadata(tmp_path / "a.png").exposure == 0.5


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits(tmp_path: Path, channels: int, suffix: str) -> None:
    values = noise(33, 47, channels, dtype=np.uint16)
    cv2.imwrite(
        str(tmp_path / f"a.{suffix}"),
        values[..., [2, 1, 0, 3][:channels]] if channels > 1 else values,
    )
    expected = to_8_bits(np.repeat(values, 3, axis=2) if channels == 1 else values[..., :3])
    assert np.array_equal(read_picture(tmp_path / f"a.{suffix}").pixels, expected)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_tiff_in_both_byte_orders(tmp_path: Path, order: Order, channels: int) -> None:
    values = noise(9, 7, channels, dtype=np.uint16)
    (tmp_path / "a.tif").write_bytes(raw_tiff(values, order))
    expected = to_8_bits(np.repeat(values, 3, axis=2) if channels == 1 else values[..., :3])
    assert np.array_equal(read_picture(tmp_path / "a.tif").pixels, expected)


def test_white_is_zero(tmp_path: Path) -> None:
    for dtype in (np.uint8, np.uint16):
        values = noise(9, 7, dtype=dtype)
        (tmp_path / "a.tif").write_bytes(raw_tiff(values, tags={262: 0}))
        upright = np.iinfo(dtype).max - values
        expected = to_8_bits(upright) if dtype == np.uint16 else upright
        assert np.array_equal(read_picture(tmp_path / "a.tif").pixels[..., 1], expected)


def test_16_bit_grey_with_alpha_is_within_one_level(tmp_path: Path) -> None:
    values = noise(5, 6, 2, dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", 6, 5, 16, 4, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(rows))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IEND", b""))
    found = read_picture(tmp_path / "a.png").pixels[..., 0]
    assert np.abs(found.astype(int) - to_8_bits(values[..., 0])).max() <= 1


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [
        *(("png", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        *(("jpg", mode) for mode in ("1", "L", "RGB", "CMYK", "YCbCr")),
        *(("tif", mode) for mode in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK")),
    ],
)
def test_modes(tmp_path: Path, suffix: str, mode: str) -> None:
    image = Image.fromarray(np.full((8, 8, 3), (30, 90, 200), np.uint8)).convert(mode)
    image.save(tmp_path / f"a.{suffix}", quality=100)
    pixels = read_picture(tmp_path / f"a.{suffix}").pixels
    expected = np.asarray(image.convert("RGB")).astype(int)
    assert pixels.shape == (8, 8, 3)
    assert np.abs(pixels - expected).max() <= (3 if suffix == "jpg" else 0)


def test_transparent_palette_is_read_without_warning(tmp_path: Path) -> None:
    image = Image.fromarray(noise(8, 8, 3)).quantize(16)
    image.save(tmp_path / "a.png", transparency=bytes(range(16)))
    assert np.array_equal(read_picture(tmp_path / "a.png").pixels, np.asarray(image.convert("RGB")))


def test_large_photographs_are_read_from_their_header(tmp_path: Path) -> None:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 10_000, 8, 2, 0, 0, 0))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", b"x"))
    start = time.perf_counter()
    assert picture_size(tmp_path / "a.png") == (10_000, 20_000)
    assert time.perf_counter() - start < 0.5


def test_large_photographs_are_read(tmp_path: Path) -> None:
    Image.new("L", (20_000, 10_000), 7).save(tmp_path / "a.jpg")
    assert read_picture(tmp_path / "a.jpg").pixels.shape == (10_000, 20_000, 3)


@pytest.mark.parametrize("call", [read_picture, picture_size, read_metadata])
def test_too_large_is_refused_before_decoding(tmp_path: Path, call: Callable[[Path], Any]) -> None:
    side = int(MAX_PIXELS**0.5) + 1
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", b"x"))
    with pytest.raises(FrameTooLargeError, match=f"{side}x{side}.*268 megapixels"):
        call(tmp_path / "a.png")


def write_bad_files(folder: Path) -> dict[str, str]:
    """Write files that cannot be used; return what the message must say of each."""
    (folder / "folder.jpg").mkdir()
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("these are not the pixels you are looking for")
    Image.new("RGB", (8, 8)).save(folder / "gif.png", "GIF")
    Image.new("RGB", (8, 8)).save(folder / "webp.jpg", "WEBP")
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    Image.new("F", (8, 8)).save(folder / "float.tif")
    floats = raw_tiff(np.full((8, 8, 3), np.nan, np.float32), tags={339: (3, 3, 3)})
    (folder / "float_rgb.tif").write_bytes(floats)
    (folder / "signed.tif").write_bytes(raw_tiff(noise(8, 8, dtype=np.uint16), tags={339: 2}))
    Image.new("I", (8, 8)).save(folder / "int.tif")
    two = [Image.new("RGB", (8, 8))]
    Image.new("RGB", (8, 8)).save(folder / "pages.tif", save_all=True, append_images=two)
    (folder / "raw.tif").write_bytes(raw_tiff(noise(8, 8), tags={254: 1}))
    planes = raw_tiff(noise(8, 8, 3, dtype=np.uint16), tags={284: 2})
    (folder / "planes.tif").write_bytes(planes)
    return {
        "missing.jpg": "there is no picture",
        "text.jpg/inside.jpg": "there is no picture",
        "folder.jpg": "is a folder",
        "empty.jpg": "is empty",
        "text.jpg": "holds text",
        "gif.png": "holds a GIF",
        "webp.jpg": "holds a WebP",
        "phone.heic": "holds a HEIC",
        "float.tif": "floating-point",
        "float_rgb.tif": "floating-point",
        "signed.tif": "signed",
        "int.tif": "signed",
        "pages.tif": "several pictures",
        "raw.tif": "camera raw",
        "planes.tif": "planes",
    }


def test_bad_files_are_one_sentence(tmp_path: Path) -> None:
    for name, expected in write_bad_files(tmp_path).items():
        with pytest.raises(InputError, match=expected) as caught:
            read_picture(tmp_path / name)
        message = str(caught.value)
        assert name in message
        assert "\n" not in message


@pytest.mark.parametrize(("kind", "fine"), [(1, True), (4, True), (0, False)])
def test_other_pages_may_be_previews_or_masks(tmp_path: Path, kind: int, fine: bool) -> None:
    main, other = raw_tiff(noise(8, 8)), raw_tiff(noise(2, 2), tags={254: kind})
    after_entries = 10 + 12 * int.from_bytes(main[8:10], "little")
    link = struct.pack("<I", len(main) + 8)
    path = tmp_path / "a.tif"
    path.write_bytes(main[:after_entries] + link + main[after_entries + 4 :] + other)
    if fine:
        assert np.array_equal(read_picture(path).pixels[..., 0], noise(8, 8))
    else:
        with pytest.raises(InputError, match="several pictures"):
            read_picture(path)


def test_a_device_is_not_read() -> None:
    with pytest.raises(InputError, match="not a regular file"):
        read_picture(os.devnull)


def samples(folder: Path) -> list[Path]:
    """Valid files of every kind, with EXIF."""
    image = Image.fromarray(cv2.GaussianBlur(noise(40, 50, 3), (0, 0), 2))
    exif = exif_with({0x0112: 6, 0x010F: "Maker", PHOTO: {0x829A: 0.5}, GPS: {1: "N"}})
    kinds: dict[str, dict[str, Any]] = {
        "a.jpg": {},
        "b.jpg": {"progressive": True},
        "a.png": {},
        "a.tif": {},
        "b.tif": {"compression": "tiff_lzw", "exif": b""},
        "c.tif": {"compression": "tiff_adobe_deflate", "exif": b""},
    }
    for name, options in kinds.items():
        image.save(folder / name, **({"exif": exif.tobytes(), "icc_profile": SRGB} | options))
    cv2.imwrite(str(folder / "d.png"), noise(40, 50, 3, dtype=np.uint16))
    (folder / "d.tif").write_bytes(raw_tiff(noise(40, 50, 3, dtype=np.uint16), ">"))
    write_picture(folder / "e.tif", np.asarray(image), like=Metadata(exif=TAGS, icc_profile=SRGB))
    return sorted(folder.iterdir())


def test_truncated_files_are_refused(tmp_path: Path) -> None:
    for path in samples(tmp_path):
        data = path.read_bytes()
        for share in (0.02, 0.3, 0.6, 0.9):
            path.write_bytes(data[: int(len(data) * share)])
            with pytest.raises(InputError, match=path.name):
                read_picture(path)


def test_damaged_pixels_of_a_png_are_noticed(tmp_path: Path) -> None:
    Image.fromarray(noise(40, 50, 3)).save(tmp_path / "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        read_picture(tmp_path / "a.png")


def test_damaged_files_end_in_an_input_error_or_a_picture(tmp_path: Path) -> None:
    rng = random.Random(1)
    for path in samples(tmp_path):
        data = path.read_bytes()
        for _ in range(60):
            damaged = bytearray(data)
            reach = len(data) if rng.random() < 0.5 else min(len(data), 400)
            for _ in range(rng.choice((1, 3, 20))):
                damaged[rng.randrange(reach)] = rng.randrange(256)
            if rng.random() < 0.3:
                del damaged[rng.randrange(len(damaged)) :]
            path.write_bytes(damaged)
            for call in (picture_size, read_metadata, read_picture):
                try:
                    call(path)
                except InputError:
                    continue
