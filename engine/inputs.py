"""The source formats that PyAV and ffmpeg may open, and which of them state their length."""

_FORMATS = (
    # Containers of pictures and sound.
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,live_flv,kux,mpegts,mpeg,asf,rm,ivr,wtv,mxf,gxf,nut,ogg,dv,nsv",
    "swf,smjpeg,roq,film_cpk,ty,pva,dhav,nuv,pmp,smk,bink,flic,ipmovie,lxf,mtv,mxg,thp,usm,vividas,vivo,vmd,yop,mv",
    "3dostr,4xm,avs,bethsoftvid,bfi,cdxl,dsicin,dxa,ea,gdv,hnm,hxvs,idcin,iv8,jv,lmlm4,luodat,mgsts,mm,mods,moflex",
    "msnwctcp,mvi,nc,psxstr,r3d,rl2,rpl,ser,sga,simbiosis_imx,smush,tiertexseq,tmv,wc3movie,wsvqa,xmv",
    # Pictures without a container.
    "mpegvideo,m4v,h261,h263,h264,hevc,vvc,evc,apv,av1,obu,ivf,vc1,vc1test,dirac,cavsvideo,avs2,avs3,dnxhd,mjpeg",
    "yuv4mpegpipe,ipu,gif,apng,webp_anim,jpegxl_anim,filmstrip,pdv",
    # Sound.
    "mp3,aac,loas,ac3,eac3,amr,ape,aiff,au,caf,dts,dtshd,flac,tta,w64,wav,wv,voc,mpc,mpc8,tak,dsf,iff,wsd,truehd,mlp",
    "shn,osq,bonk,rka,wavarc,apac,qoa,oma,aea,act,qcp,adx,aax,hca,sbc,lc3,iamf,codec2,gsm,ilbc,g729,vqf,xwma,dss",
    "ircam,sox,pvf,paf,nistsphere,avr,epaf,mmf,rso,sds,spdif,s337m,wsaud,wve,wady,laf,sdx,vag,ast,ads,alp",
    "kvag,apm,argo_asf,argo_cvg,svag,msf,brstm,bfstm,genh,fsb,xvag,mtaf,scd,siff,sol,vpk,xa,adp,aix,dfpwm,amrnb,amrwb",
    "acm,afc,apc,binka,daud,fwse,hcom,iss,lvf,mca,musx,pp_bnk,redspark,rsd,svs,xmd",
)
# The engine reads no playlists (hls, concat, dash, imf) and no network formats, because they make ffmpeg open other
# files. It reads no single pictures. It reads no format without a signature (raw samples, text art), because any file
# would be one.
SOURCE_FORMATS = ",".join(_FORMATS)

# Options in front of every input. ffmpeg chooses a demuxer by content, so checking a name or a type does not suffice.
SAFE_INPUT = {"protocol_whitelist": "file", "format_whitelist": SOURCE_FORMATS}

# Options to recognise the format of a refused file. Without a protocol, the demuxer can open no other file.
ANY_FORMAT = {"protocol_whitelist": "none"}

_ONE_TRACK = "wav,w64,flac,aiff,au,caf,tta,ape,wv,mpc,mpc8,tak,dsf,iff"
# Formats whose header states the length of each stream. AVI is missing: its lengths include the delay of a late sound,
# for which it has no packets. `stated.py` compares an AVI by its bytes.
STATED_BY_STREAM = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "smk", "bink", *_ONE_TRACK.split(",")})

# Formats whose header states one length for the whole file.
STATED_BY_FILE = frozenset({"matroska,webm", "asf", "flv", "rm", "wtv", "mxf", "gxf"})
