"""One small file per container, codec, channel layout, pixel format, rate and size that the shipped ffmpeg can write.

What ffmpeg can write is asked, not listed: a recipe that ffmpeg refuses makes no file.
"""

import io
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

import av

from engine.transcode import find_ffmpeg

SECONDS = 0.4
NOT_FILES = re.compile(
    r"^(image2.*|.*(hash|md5|crc|timestamp.*)|null|ffmetadata|fifo|tee|segment|stream_segment.*|hls|dash|hds|smoothstreaming|"
    r"rtp.*|rtsp|sap|whip|fbdev|xv|oss|pulse|video4linux2.*|uncodedframecrc|framecrc|chromaprint|webm_chunk|"
    r"webm_dash_manifest|data|rawvideo|[fsu](8|16|24|32|64)[bl]?e?|alaw|mulaw|vidc|ass|srt|webvtt|lrc|jacosub|microdvd|scc|"
    r"ttml|sup|rcwt|mcc|ico|fits|mpjpeg)$"
)
"""Muxers that write no single media file: lists of files, checksums, network and devices, bare samples, subtitles."""
VAGUE = frozenset({"ogg", "mpegts", "mpeg", "mxf", "gxf", "rm", "matroska", "webm"})
"""Muxers that do not say which codecs they take: all are tried."""
UNUSUAL = ("vnull", "anull", "wrapped_avframe", "a64_multi", "a64_multi5", "comfortnoise")
PREFERRED = ("libsvtav1", "libopus", "libvorbis")
PICTURES = ("64x48:25", "176x144:25", "720x576:25", "128x96:30")
SOUNDS = ("48000:stereo", "8000:mono", "44100:mono", "22050:mono", "96000:stereo")


@dataclass(frozen=True)
class Recipe:
    """A file to be written: `group` for counting, ffmpeg's arguments, one attempt after the other until one works."""

    group: str
    name: str
    muxer: str
    attempts: tuple[tuple[str, ...], ...]


def picture(form: str) -> tuple[str, ...]:
    """The arguments of a moving picture, `size:rate`."""
    size, rate = form.split(":")
    return ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={SECONDS}")


def sound(form: str, seconds: float = SECONDS) -> tuple[str, ...]:
    """The arguments of a tone, `rate:layout`."""
    rate, layout = form.split(":")
    tone = f"aevalsrc='0.3*sin(2*PI*330*t)':s={rate}:d={seconds}"
    return ("-f", "lavfi", "-i", f"{tone},pan={layout}|{gains(layout)}")


@cache
def layouts() -> dict[str, tuple[str, ...]]:
    """The standard channel layouts and their channels."""
    lines = _ask("-layouts").partition("Standard channel layouts")[2].splitlines()
    pairs = (line.split() for line in lines if "+" in line or line.startswith("mono"))
    return {name: tuple(channels.split("+")) for name, channels in pairs}


def gains(layout: str) -> str:
    """The tone on each channel."""
    count = int(layout[:-1]) if re.fullmatch(r"\d+[cC]", layout) else len(layouts().get(layout, layout.split("+")))
    return "|".join(f"c{i}=c0" for i in range(count))


@cache
def codecs() -> dict[str, dict[str, str]]:
    """By kind (V, A): the codecs that ffmpeg both writes and reads, and their encoders."""
    found: dict[str, dict[str, str]] = {"V": {}, "A": {}}
    for kind, codec, rest in re.findall(r"^ DE([VA])\S{3} (\S+)(.*)$", _ask("-codecs"), re.MULTILINE):
        if codec not in UNUSUAL:
            listed = re.search(r"\(encoders: ([^)]+)\)", rest)
            encoders = listed[1].split() if listed else [codec]
            found[kind][codec] = next((name for name in encoders if name in PREFERRED), encoders[0])
    return found


def muxers() -> list[str]:
    """The muxers that write a file of pictures or sound."""
    names = re.findall(r"^ +E\S* +(\S+)", _ask("-muxers"), re.MULTILINE)
    return sorted({name for name in names if not NOT_FILES.match(name)})


def recipes() -> Iterator[Recipe]:
    """All of them."""
    yield from of_codecs()
    yield from of_layouts()
    yield from of_pixels()
    yield from of_rates()
    yield from of_sizes()


def of_codecs() -> Iterator[Recipe]:
    """Each container with each codec that it takes, pictures and sounds by themselves and the usual ones together."""
    for muxer in muxers():
        usual = _usual(muxer)
        for codec, encoder in codecs()["V"].items():
            if codec == usual.get("video") or _takes(muxer, codec):
                attempts = (_written(picture(form), encoder, "v") for form in PICTURES)
                yield Recipe("codec", f"{muxer}-{codec}", muxer, tuple(attempts))
        for codec, encoder in codecs()["A"].items():
            if codec == usual.get("audio") or _takes(muxer, codec):
                attempts = (_written(sound(form), encoder, "a") for form in SOUNDS)
                yield Recipe("codec", f"{muxer}-{codec}", muxer, tuple(attempts))
        if {"video", "audio"} <= usual.keys():
            both = tuple((*picture(p), *sound(s), "-map", "0", "-map", "1") for p, s in product(PICTURES, SOUNDS[:2]))
            yield Recipe("both", f"{muxer}-both", muxer, both)


def of_layouts() -> Iterator[Recipe]:
    """Each standard layout, and odd ones, in whatever keeps layouts."""
    odd = ("FL", "LFE", "FL+FC", "BL+BR", "FL+FR+LFE+LFE2", "1c", "2c", "3c", "9c", "16c", "20c", "32c", "64c")
    kept = [
        ("wav", "pcm_s16le"),
        ("matroska", "pcm_s16le"),
        ("mov", "pcm_s16le"),
        ("caf", "pcm_s16le"),
        ("w64", "pcm_f32le"),
    ]
    coded = [("matroska", codec) for codec in ("ac3", "eac3", "dca", "truehd", "mlp", "libopus", "libvorbis", "tta")]
    others = [("ipod", "aac"), ("ipod", "alac"), ("wv", "wavpack"), ("flac", "flac"), ("nut", "pcm_s24le")]
    for (muxer, encoder), layout in product([*kept, *coded, *others], [*layouts(), *odd]):
        attempt = _written(sound(f"48000:{layout}"), encoder, "a")
        yield Recipe("layout", f"{muxer}-{encoder}-{layout}", muxer, (attempt,))


def of_pixels() -> Iterator[Recipe]:
    """Each pixel format: bare, lossless and coded."""
    formats = re.findall(r"^IO\S+ +(\S+) ", _ask("-pix_fmts"), re.MULTILINE)
    writers = [
        ("nut", "rawvideo"),
        ("matroska", "ffv1"),
        ("mov", "prores_ks"),
        ("mp4", "libx264"),
        ("mp4", "libx265"),
        ("webm", "libvpx-vp9"),
    ]
    for (muxer, encoder), name in product(writers, formats):
        attempt = (*_written(picture(PICTURES[0]), encoder, "v"), "-vf", f"scale,format={name}", "-pix_fmt", f"+{name}")
        yield Recipe("pixels", f"{muxer}-{encoder}-{name}", muxer, (attempt,))


def of_rates() -> Iterator[Recipe]:
    """Sample rates and frame rates, usual and odd."""
    writers = [
        ("wav", "pcm_s16le"),
        ("flac", "flac"),
        ("ipod", "aac"),
        ("mp3", "libmp3lame"),
        ("ogg", "libvorbis"),
        ("wav", "pcm_f64le"),
    ]
    rates = (
        50,
        1000,
        4000,
        7350,
        8000,
        11025,
        12345,
        22050,
        44100,
        88200,
        96000,
        96001,
        192000,
        384000,
        768000,
        2822400,
    )
    for (muxer, encoder), rate, layout in product(writers, rates, ("mono", "stereo", "5.1")):
        attempt = (*_written(sound(f"{rate}:{layout}"), encoder, "a"), "-ar", str(rate))
        yield Recipe("rate", f"{muxer}-{encoder}-{rate}-{layout}", muxer, (attempt,))
    frames = ("1/10", "1", "15/2", "24000/1001", "60000/1001", "120", "240", "1000", "90000")
    for (muxer, encoder), frame_rate in product(
        [("mp4", "libx264"), ("matroska", "ffv1"), ("avi", "mpeg4"), ("mpegts", "libx264"), ("nut", "mjpeg")], frames
    ):
        attempt = (*_written(picture(f"64x48:{frame_rate}"), encoder, "v"), "-frames:v", "12")
        yield Recipe("rate", f"{muxer}-{encoder}-{frame_rate.replace('/', ':')}fps", muxer, (attempt,))


def of_sizes() -> Iterator[Recipe]:
    """Odd, tiny and long pictures."""
    sizes = ("1x1", "1x2", "2x1", "3x3", "15x1", "17x33", "1x300", "300x1", "4096x16", "16x4096", "321x181")
    writers = [("mp4", "libx264"), ("matroska", "ffv1"), ("avi", "rawvideo"), ("gif", "gif"), ("webm", "libvpx")]
    for (muxer, encoder), size in product([*writers, ("ogv", "libtheora"), ("mov", "libx264rgb")], sizes):
        attempt = (*_written(picture("64x48:10"), encoder, "v"), "-vf", f"scale={size.replace('x', ':')}")
        yield Recipe("size", f"{muxer}-{encoder}-{size}", muxer, (attempt,))


def write(recipe: Recipe, path: str) -> bool:
    """Write the file; returns whether ffmpeg could."""
    return any(_run(*attempt, "-f", recipe.muxer, path) for attempt in recipe.attempts)


def _written(source: tuple[str, ...], encoder: str, kind: str) -> tuple[str, ...]:
    return (*source, f"-c:{kind}", encoder, "-strict", "experimental")


def _run(*arguments: str) -> bool:
    command = [find_ffmpeg(), "-nostdin", "-v", "error", "-y", "-threads", "1", *arguments]
    try:
        return (
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False).returncode
            == 0
        )
    except subprocess.TimeoutExpired:
        return False


@cache
def _ask(*arguments: str) -> str:
    command = [find_ffmpeg(), "-hide_banner", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _usual(muxer: str) -> dict[str, str]:
    return dict(re.findall(r"Default (video|audio) codec: (\w+)", _ask("-h", f"muxer={muxer}")))


@cache
def _named(muxer: str) -> frozenset[str]:
    try:
        with av.open(io.BytesIO(), "w", format=muxer) as container:
            return frozenset(container.supported_codecs)
    except (av.error.FFmpegError, ValueError):
        return frozenset()


def _takes(muxer: str, codec: str) -> bool:
    return muxer in VAGUE or codec in _named(muxer)
