# All renditions of a 1280x720 source with sound, as one ffmpeg command that a person writes by hand: one decode,
# four videos, three pictures and a GIF. `sh renditions.sh FFMPEG SOURCE SECONDS`: the outputs appear in the current
# folder, and the pictures are from the middles of equal parts of the source.
exec "$1" -nostdin -v error -y -i "$2" -filter_complex "
  [0:v]split=6[a][b][c][d][e][f];
  [a]scale=480:270[f10];
  [b]scale=852:480[f20];
  [c]scale=1280:720[f30];
  [d]scale=1280:720[f40];
  [e]fps=3/$3,scale=480:270[cover];
  [f]trim=duration=5,fps=8,scale=320:180,split[g][h];
  [h]palettegen=stats_mode=single[palette];
  [g][palette]paletteuse=new=1[gif]" \
  -map '[f10]' -map 0:a -c:v libx264 -preset veryfast -profile:v high -pix_fmt yuv420p \
    -b:v 243k -maxrate 243k -bufsize 121k -c:a aac -b:a 48k -movflags +faststart f10.mp4 \
  -map '[f20]' -map 0:a -c:v libx264 -preset veryfast -profile:v high -pix_fmt yuv420p \
    -b:v 518k -maxrate 518k -bufsize 259k -c:a aac -b:a 64k -movflags +faststart f20.mp4 \
  -map '[f30]' -map 0:a -c:v libx264 -preset veryfast -profile:v high -pix_fmt yuv420p \
    -b:v 1068k -maxrate 1068k -bufsize 534k -c:a aac -b:a 96k -movflags +faststart f30.mp4 \
  -map '[f40]' -map 0:a -c:v libx264 -preset veryfast -profile:v high -pix_fmt yuv420p \
    -b:v 2200k -maxrate 2200k -bufsize 1100k -c:a aac -b:a 128k -movflags +faststart f40.mp4 \
  -map '[cover]' -frames:v 3 cover%d.png \
  -map '[gif]' w_320.gif
