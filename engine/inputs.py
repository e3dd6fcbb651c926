"""What may be read as a source, for PyAV and ffmpeg alike."""

SOURCE_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpegts,mpeg,mpegvideo,asf,rm,wtv,mxf,nut,gif,"
    "mp3,aac,ac3,eac3,amr,ape,aiff,au,caf,dts,flac,ogg,tta,w64,wav,wv,voc,h264,hevc,m4v,ivf,dv"
)
"""Containers that are read. Not playlists (hls, concat, dash): those would make ffmpeg open other files."""

SAFE_INPUT = {"protocol_whitelist": "file", "format_whitelist": SOURCE_FORMATS}
"""Options in front of every input."""
