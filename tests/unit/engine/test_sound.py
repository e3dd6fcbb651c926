"""Any sound is brought into what each encoder takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import AudioFacts
from engine.sound import AUDIO_CODECS, encode_sound

LAYOUTS = {
    "mono": ("FC",),
    "stereo": ("FL", "FR"),
    "5.1(side)": ("FL", "FR", "FC", "LFE", "SL", "SR"),
    "1 channels (FL)": ("FL",),
    "2 channels (FL+FC)": ("FL", "FC"),
    "16 channels": ("NONE",) * 16,
    "4 channels": ("NONE",) * 4,
    "3 channels (FL+BR+LFE)": ("FL", "BR", "LFE"),
    "ambisonic 1": ("AMBI0", "AMBI1", "AMBI2", "AMBI3"),
}


def sound(layout: str = "stereo", rate: int = 44100, **changes) -> AudioFacts:
    names = LAYOUTS[layout]
    facts = {"index": 0, "codec": "x", "sample_rate": rate, "bitrate": None, "duration": 10.0, "channels": len(names)}
    return AudioFacts(**{**facts, "layout": layout, "channel_names": names, **changes})


@given(
    st.sampled_from([name for name, codec in AUDIO_CODECS.items() if not codec.lossless]),
    st.integers(0, 10**6),
    st.integers(1, 3_000_000),
    st.sampled_from(sorted(LAYOUTS)),
)
def test_every_bitrate_and_rate_is_one_that_the_encoder_takes(
    format_: str, bitrate: int, rate: int, layout: str
) -> None:
    audio = sound(layout, rate)
    made = encode_sound(format_, bitrate, audio)
    chosen = [s for s in AUDIO_CODECS[format_].steps if f"sample_rates={s.hertz}:" in made.filters]
    assert len(chosen) == 1
    low, high = chosen[0].bounds(min(audio.channels, 2))
    assert low <= made.bitrate <= high or made.bitrate == bitrate == 0
    reachable = [s.bounds(min(audio.channels, 2)) for s in AUDIO_CODECS[format_].steps]
    if any(least <= bitrate <= most for least, most in reachable):
        assert made.bitrate == bitrate


@pytest.mark.parametrize(
    ("format_", "bitrate", "rate", "expected"),
    [
        ("mp3", 24_000, 44100, 22050),
        ("mp3", 128_000, 8000, 16000),
        ("mp3", 320_000, 8000, 32000),
        ("mp3", 64_000, 44100, 44100),
        ("mp3", 64_000, 192_000, 48000),
        ("ogg", 96_000, 8000, 16000),
        ("ogg", 64_000, 96000, 48000),
        ("ogg", 0, 8000, 8000),
        ("opus", 64_000, 44100, 48000),
        ("m4a", 48_000, 12345, 16000),
    ],
)
def test_sample_rates_change_only_where_the_format_needs_it(
    format_: str, bitrate: int, rate: int, expected: int
) -> None:
    assert f"sample_rates={expected}:" in encode_sound(format_, bitrate, sound(rate=rate)).filters


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("mono", []),
        ("stereo", []),
        ("5.1(side)", []),
        ("4 channels", []),
        ("1 channels (FL)", ["channelmap=map=0:channel_layout=mono"]),
        ("2 channels (FL+FC)", ["channelmap=map=0|1:channel_layout=stereo"]),
        ("3 channels (FL+BR+LFE)", ["channelmap=map=0|1|2:channel_layout=3C", "pan=stereo|c0<c0+c2|c1<c1+c2"]),
        ("ambisonic 1", ["pan=stereo|c0<c0+c1|c1<c0-c1"]),
    ],
)
def test_odd_channels_get_positions_that_can_be_mixed(layout: str, expected: list[str]) -> None:
    channels = "mono" if len(LAYOUTS[layout]) == 1 else "stereo"
    found = encode_sound("mp3", 128_000, sound(layout)).filters.split(",")
    assert found == [*expected, f"aformat=sample_rates=44100:channel_layouts={channels}"]


def test_many_channels_without_names_alternate() -> None:
    (_, mixed, _) = encode_sound("opus", 0, sound("16 channels")).filters.split(",")
    assert mixed == "pan=stereo|c0<c0+c2+c4+c6+c8+c10+c12+c14|c1<c1+c3+c5+c7+c9+c11+c13+c15"


@pytest.mark.parametrize(
    ("bits", "sample_format", "wav", "flac"),
    [
        (0, "flt", "pcm_s16le", "s16"),
        (8, "u8", "pcm_u8", "s16"),
        (16, "s16", "pcm_s16le", "s16"),
        (20, "s32", "pcm_s24le", "s32"),
        (24, "s32", "pcm_s24le", "s32"),
        (32, "s32", "pcm_s32le", "s32"),
        (32, "flt", "pcm_f32le", "s32"),
        (64, "dbl", "pcm_f64le", "s32"),
        (64, "s64", "pcm_s32le", "s32"),
    ],
)
def test_lossless_formats_keep_the_depth(bits: int, sample_format: str, wav: str, flac: str) -> None:
    audio = sound(bits=bits, sample_format=sample_format)
    assert encode_sound("wav", 0, audio).encoder == wav
    assert f"sample_fmts={flac}:" in encode_sound("flac", 0, audio).filters


@pytest.mark.parametrize(
    ("rate", "expected"), [(44100, None), (65535, None), (96001, 96000), (384000, None), (2822400, 384000), (50, 8000)]
)
def test_flac_states_only_some_rates(rate: int, expected: int | None) -> None:
    filters = encode_sound("flac", 0, sound(rate=rate)).filters
    assert ("sample_rates" in filters) is (expected is not None)
    assert expected is None or f"sample_rates={expected}" in filters


def test_all_channels_stay_in_wav() -> None:
    assert encode_sound("wav", 0, sound("16 channels", bits=16)).filters == "aformat=sample_fmts=s16"


@pytest.mark.parametrize(("duration", "expected"), [(0.00002, "asetnsamples=n=8820:pad=1"), (10.0, None), (None, None)])
def test_a_click_is_lengthened(duration: float | None, expected: str | None) -> None:
    filters = encode_sound("mp3", 0, sound(duration=duration)).filters
    assert ("asetnsamples" in filters) is (expected is not None)
    assert expected is None or filters.startswith(expected)
