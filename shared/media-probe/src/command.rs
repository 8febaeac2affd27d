//! The command line of ffprobe. Only the URL, the depth of the analysis and the query vary.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use media_process::{Group, ProcessLimits, TooLong};
use tokio::process::Child;

use crate::depth::{DEPTHS, Depth};
use crate::limits::Limits;

/// The allowed demuxers. None of them opens another URL or file: no playlists (HLS, DASH, concat, SDP, IMF), no patterns
/// (image2), no devices, no text. The protocol whitelist alone would let a playlist reach any HTTP address.
pub(crate) const FORMATS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,live_flv,asf,mpegts,mpeg,mxf,ogg,rm,nut,gxf,\
    ivf,obu,dv,wtv,swf,nsv,pva,yuv4mpegpipe,h264,hevc,m4v,mpegvideo,mjpeg,vc1,dirac,\
    wav,w64,aiff,caf,au,mp3,aac,ac3,eac3,truehd,dts,dtshd,flac,wv,ape,tta,tak,mpc,mpc8,amr,amrnb,amrwb,dsf,voc,\
    gif,apng,ico,png_pipe,jpeg_pipe,jpegls_pipe,jpegxl_pipe,jpegxl_anim,j2k_pipe,webp_pipe,bmp_pipe,tiff_pipe,dds_pipe,\
    dpx_pipe,exr_pipe,psd_pipe,qoi_pipe,hdr_pipe,pam_pipe,pbm_pipe,pgm_pipe,pgmyuv_pipe,ppm_pipe,pfm_pipe,pcx_pipe,\
    sgi_pipe,sunrast_pipe";

/// Bytes of ffprobe's receive buffer. Bytes in it are read from the source even if ffprobe never uses them; by default, the
/// kernel lets the buffer grow to megabytes while ffprobe is busy.
pub(crate) const RECEIVE_BUFFER: usize = 16 * 1024;

/// The entries of ffprobe's output that describe tiles.
const TILES: &str = "stream_group=id:stream_group_component:subcomponent";

/// The exit status and the output of ffprobe.
pub(crate) struct ProcessOutput {
    pub(crate) status: ExitStatus,
    pub(crate) output: Vec<u8>,
    pub(crate) errors: String,
}

/// Why a run of ffprobe has no usable output.
pub(crate) enum Failure {
    TooLong,
    Wait(io::Error),
}

/// A query to ffprobe.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Query {
    /// Describes the file.
    Describe(Depth),
    /// Describes a file whose container is known from its signature.
    DescribeAs(&'static str, Depth),
    /// Reports the frame rates of a raw video stream, with this one assumed where the stream states none.
    Assuming(&'static str),
    /// Reports the presentation times of the first packets of the stream with this index.
    Times { stream: u64, packets: usize },
    /// Reports how tiles make up a picture.
    Tiles,
}

impl Query {
    fn arguments(self) -> Vec<String> {
        let depth = match self {
            Self::Describe(depth) | Self::DescribeAs(_, depth) => depth,
            Self::Assuming(_) | Self::Times { .. } | Self::Tiles => DEPTHS[0],
        };
        let mut arguments = vec!["-probesize", depth.probe_size, "-formatprobesize", depth.format_probe_size];
        arguments.extend(["-print_format", "json"]);
        let (stream, packets);
        match self {
            Self::Describe(_) => {}
            Self::DescribeAs(format, _) => arguments.extend(["-f", format]),
            Self::Assuming(rate) => arguments.extend(["-framerate", rate, "-show_streams"]),
            Self::Times { stream: index, packets: count } => {
                (stream, packets) = (index.to_string(), format!("%+#{count}"));
                arguments.extend(["-select_streams", &stream, "-read_intervals", &packets]);
                arguments.extend(["-show_entries", "packet=pts_time"]);
            }
            Self::Tiles => arguments.extend(["-show_entries", TILES]),
        }
        if matches!(self, Self::Describe(_) | Self::DescribeAs(..)) {
            arguments.extend(["-show_format", "-show_streams", "-show_chapters"]);
        }
        arguments.push("-show_error");
        arguments.into_iter().map(str::to_owned).collect()
    }
}

/// Starts ffprobe on `url` within `limits` and `cpu` of processor time, in its own process group, which is killed when the returned
/// [`Group`] is dropped.
/// Warnings are enabled since only they tell that a duration is an estimate.
pub(crate) fn spawn(
    program: &Path,
    limits: &Limits,
    cpu: Duration,
    query: Query,
    url: &str,
) -> io::Result<(Child, Group)> {
    let mut arguments = reading(limits, &["-v", "warning", "-hide_banner"]);
    arguments.extend(query.arguments());
    arguments.extend(["-i", url].map(str::to_owned));
    let limits = ProcessLimits { address_space: limits.address_space, cpu, threads: false };
    media_process::spawn(program, arguments, Stdio::piped(), &limits)
}

/// Returns `arguments`, and those with which every program reads a file.
pub(crate) fn reading(limits: &Limits, arguments: &[&str]) -> Vec<String> {
    let (max_alloc, buffer) = (limits.max_alloc.to_string(), RECEIVE_BUFFER.to_string());
    let mut all = arguments.to_vec();
    all.extend(["-protocol_whitelist", "http,tcp", "-format_whitelist", FORMATS]);
    all.extend(["-max_alloc", &max_alloc, "-threads", "1", "-recv_buffer_size", &buffer]);
    all.into_iter().map(str::to_owned).collect()
}

/// Waits for its end, and for everything it prints.
pub(crate) async fn run(child: &mut Child, limits: &Limits) -> Result<ProcessOutput, Failure> {
    let output = media_process::output(child.stdout.take(), limits.max_output_bytes);
    let errors = media_process::errors(child.stderr.take());
    let (output, errors, status) = tokio::try_join!(
        async { output.await.map_err(|TooLong| Failure::TooLong) },
        async { Ok(errors.await) },
        async { child.wait().await.map_err(Failure::Wait) },
    )?;
    Ok(ProcessOutput { status, output, errors })
}
