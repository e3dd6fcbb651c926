"""Convert the sound of a source into what each encoder accepts: channels, sample rate, bit depth, bitrate.

Every function is pure: facts and a format in, ffmpeg's options out. The ranges are those of the encoders' own tables.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.model import AudioFacts

# ffmpeg assumes the usual layout for at most this many channels without stated positions.
MAX_GUESSED_CHANNELS = 8

# A resampler returns nothing for fewer samples.
MIN_SAMPLES = 64
# Seconds. Players do not recognise the format of a shorter lossy sound.
MIN_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Step:
    """A sample rate in Hz, and the bit/s that an encoder accepts at it: per channel, or in total with `shared`."""

    hertz: int
    low: int
    high: int
    shared: bool = False

    def bounds(self, channels: int) -> tuple[int, int]:
        """Return the lowest and the highest bit/s for a number of channels."""
        factor = 1 if self.shared else channels
        return self.low * factor, self.high * factor


_MP3 = (
    *(Step(hertz, 8_000, 64_000, shared=True) for hertz in (8000, 11025, 12000)),
    *(Step(hertz, 8_000, 160_000, shared=True) for hertz in (16000, 22050, 24000)),
    *(Step(hertz, 32_000, 320_000, shared=True) for hertz in (32000, 44100, 48000)),
)
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC = tuple(Step(hertz, 1_000, hertz * 6) for hertz in _AAC_RATES)
_OPUS = (Step(48000, 6_000, 256_000),)
_VORBIS = (
    Step(8000, 8_000, 32_000),
    Step(11025, 12_000, 44_000),
    Step(16000, 16_000, 86_000),
    Step(22050, 16_000, 86_000),
    Step(32000, 30_000, 190_000),
    Step(44100, 32_000, 240_000),
    Step(48000, 32_000, 240_000),
)


@dataclass(frozen=True, slots=True)
class Codec:
    """ffmpeg's container and encoder of one audio format.

    `steps` are the sample rates of a lossy encoder. A lossless one has `depths`, each with the bits of a sample, the
    encoder and its sample format. `layouts` are the channel layouts that it keeps; empty means all.
    """

    muxer: str
    encoder: str = ""
    steps: tuple[Step, ...] = ()
    depths: tuple[tuple[int, str, str], ...] = ()
    layouts: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def lossless(self) -> bool:
        """Whether the format keeps every bit of the sound."""
        return bool(self.depths)


AUDIO_CODECS = {
    "mp3": Codec("mp3", "libmp3lame", _MP3),
    "m4a": Codec("ipod", "aac", _AAC, options=("-movflags", "+faststart")),
    "aac": Codec("adts", "aac", _AAC),
    "ogg": Codec("ogg", "libvorbis", _VORBIS),
    "opus": Codec("opus", "libopus", _OPUS),
    "flac": Codec(
        "flac",
        depths=((16, "flac", "s16"), (32, "flac", "s32")),
        layouts=("mono", "stereo", "3.0", "quad", "5.0", "5.0(side)", "5.1", "5.1(side)", "6.1", "7.1"),
    ),
    "wav": Codec(
        "wav",
        depths=((8, "pcm_u8", "u8"), (16, "pcm_s16le", "s16"), (24, "pcm_s24le", "s32"), (32, "pcm_s32le", "s32")),
        options=("-rf64", "auto"),
    ),
}
_FLOATS = {"flt": ("pcm_f32le", "flt"), "dbl": ("pcm_f64le", "dbl")}


@dataclass(frozen=True, slots=True)
class Encoding:
    """The filters in front of an encoder, its options, and the requested bit/s, 0 for the encoder's default."""

    filters: str
    options: tuple[str, ...]
    encoder: str
    bitrate: int = 0


def encode_sound(format_: str, bitrate: int, audio: AudioFacts) -> Encoding:
    """Plan one format of `AUDIO_CODECS`. `bitrate` is in bit/s, and is clamped to what the encoder accepts."""
    codec = AUDIO_CODECS[format_]
    return _lossless(codec, audio) if codec.lossless else _lossy(codec, bitrate, audio)


def _lossy(codec: Codec, bitrate: int, audio: AudioFacts) -> Encoding:
    channels = min(audio.channels, 2)
    step = _step(codec.steps, bitrate, channels, audio.sample_rate)
    low, high = step.bounds(channels)
    asked = min(max(bitrate, low), high) if bitrate else 0
    layout = "mono" if channels == 1 else "stereo"
    filters = (
        *_lengthened(audio, MIN_SECONDS),
        *_positions(audio),
        f"aformat=sample_rates={step.hertz}:channel_layouts={layout}",
    )
    rate = ("-b:a", str(asked)) if asked else ()
    return Encoding(",".join(filters), ("-c:a", codec.encoder, *rate), codec.encoder, asked)


def _step(steps: Sequence[Step], bitrate: int, channels: int, hertz: int) -> Step:
    """Choose a rate that accepts the bitrate: the source's, else the next higher one, else the best lower one."""
    fitting = [step for step in steps if not bitrate or _distance(step, bitrate, channels) == 0]
    if not fitting:
        nearest = min(_distance(step, bitrate, channels) for step in steps)
        fitting = [step for step in steps if _distance(step, bitrate, channels) == nearest]
    enough = [step for step in fitting if step.hertz >= hertz]
    # A lower rate that divides the source's resamples best: 22050 for 44100.
    return enough[0] if enough else max(fitting, key=lambda step: (hertz % step.hertz == 0, step.hertz))


def _distance(step: Step, bitrate: int, channels: int) -> int:
    low, high = step.bounds(channels)
    return max(low - bitrate, bitrate - high, 0)


def _lossless(codec: Codec, audio: AudioFacts) -> Encoding:
    encoder, sample_format = _depth(codec, audio)
    wanted = [f"sample_fmts={sample_format}"]
    if not codec.layouts:
        return Encoding(f"aformat={wanted[0]}", ("-c:a", encoder), encoder)
    wanted += [f"channel_layouts={'|'.join(codec.layouts)}", *_flac_rate(audio.sample_rate)]
    lengthened = _lengthened(audio)
    # The blocks come last, because resampling a sound of a few Hz multiplies its samples.
    blocks = () if lengthened else _EVEN_BLOCKS
    filters = (*lengthened, *_positions(audio), "aformat=" + ":".join(wanted), *blocks)
    return Encoding(",".join(filters), ("-c:a", encoder), encoder)


def _depth(codec: Codec, audio: AudioFacts) -> tuple[str, str]:
    # Only wav keeps floats, and only those of a lossless source; a lossy decoder's floats hold no 32 bits of sound.
    if audio.bits and audio.sample_format in _FLOATS and not codec.layouts:
        return _FLOATS[audio.sample_format]
    bits = min(audio.bits or 16, codec.depths[-1][0])
    return next((encoder, sample_format) for most, encoder, sample_format in codec.depths if bits <= most)


_FLAC_RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 176400, 192000, 352800, 384000)
# The first frame of a cut sound may be shorter than the smallest block of flac.
_EVEN_BLOCKS = ("asetnsamples=n=4096:pad=0",)
_FLAC_LEAST = 1_000
_FLAC_ANY = 65_535
_FLAC_TENS = 655_350


def _flac_rate(hertz: int) -> list[str]:
    """Return a filter option that resamples to a rate of flac, or nothing if flac can state the source's rate."""
    # Flac states a rate in Hz up to `_FLAC_ANY` and in tens of Hz up to `_FLAC_TENS`. Too low a rate fills no block.
    if _FLAC_LEAST <= hertz <= (_FLAC_ANY if hertz % 10 else _FLAC_TENS):
        return []
    return [f"sample_rates={max((rate for rate in _FLAC_RATES if rate < hertz), default=_FLAC_RATES[0])}"]


def _lengthened(audio: AudioFacts, seconds: float = 0) -> tuple[str, ...]:
    """Return a filter that adds silence to a sound that is too short for a resampler or an encoder."""
    least = max(MIN_SAMPLES, round(seconds * audio.sample_rate))
    short = audio.duration is not None and audio.duration * audio.sample_rate < least
    return (f"asetnsamples=n={least}:pad=1",) if short else ()


_NAMELESS = frozenset({"NONE", "UNK"})
_CUSTOM = re.compile(r"\d+ channels")
_LEFT = re.compile(r".*L|FLC")
_RIGHT = re.compile(r".*R|FRC")


def _positions(audio: AudioFacts) -> tuple[str, ...]:
    """Return filters that give channels positions that ffmpeg can mix, if theirs are odd or not stated."""
    # ffmpeg cannot mix ambisonics. Their first channel is the sum of all directions, their second is left minus right.
    if audio.layout.startswith("ambisonic"):
        return ("pan=stereo|c0<c0+c1|c1<c0-c1",)
    named = not _NAMELESS.issuperset(audio.channel_names)
    if audio.channels <= 2:  # noqa: PLR2004
        odd = named and audio.layout not in _USUAL
        return (_renamed(audio.channels, _USUAL[audio.channels - 1]),) if odd else ()
    if _CUSTOM.match(audio.layout) and (named or audio.channels > MAX_GUESSED_CHANNELS):
        return (_renamed(audio.channels, f"{audio.channels}C"), _mixed(audio.channel_names))
    return ()


_USUAL = ("mono", "stereo")


def _renamed(channels: int, layout: str) -> str:
    return f"channelmap=map={'|'.join(map(str, range(channels)))}:channel_layout={layout}"


def _mixed(names: Sequence[str]) -> str:
    """Return a filter that mixes to stereo: each channel goes to the side that its name states, else to both."""
    # Channels without a name alternate: left, right, left.
    sides = [name if name not in _NAMELESS else "LR"[i % 2] for i, name in enumerate(names)]
    left = "+".join(f"c{i}" for i, name in enumerate(sides) if not _RIGHT.fullmatch(name))
    right = "+".join(f"c{i}" for i, name in enumerate(sides) if not _LEFT.fullmatch(name))
    return f"pan=stereo|c0<{left}|c1<{right}"
