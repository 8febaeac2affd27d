//! The table of the media types of each container.

/// A container, by the first of ffprobe's names for it, and its media types, the usual one of each kind first.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) format: &'static str,
    pub(super) types: &'static [&'static str],
}

impl Container {
    /// Finds the container of this name.
    pub(super) fn named(format: &str) -> Option<&'static Self> {
        CONTAINERS.iter().find(|container| container.format == format)
    }

    /// Returns this media type, or the one of the same name of another kind, such as `audio/webm` for `video/webm`, if the container
    /// has it.
    pub(super) fn of_kind(&self, name: &str, kind: &str) -> Option<&'static str> {
        let subtype = name.split_once('/')?.1;
        self.types.iter().copied().find(|known| known.strip_prefix(kind) == Some(subtype))
    }

    /// Returns the usual media type of a kind such as `video/`; the container's first one if it has none of that kind.
    pub(super) fn usual(&self, kind: &str) -> Option<&'static str> {
        let fits = |name: &&str| name.starts_with(kind) || name.starts_with("application/");
        self.types.iter().copied().find(fits).or_else(|| self.types.first().copied())
    }
}

const fn known(format: &'static str, types: &'static [&'static str]) -> Container {
    Container { format, types }
}

/// All containers. Other names of types that browsers render are left out, so that a file gets the one that they know. Names registered with IANA come first, then those of shared-mime-info or of the format's specification.
pub(super) const CONTAINERS: &[Container] = &[
    known(
        "mov",
        &[
            "video/mp4",
            "audio/mp4",
            "image/heif",
            "video/quicktime",
            "video/x-m4v",
            "video/3gpp",
            "video/3gpp2",
            "video/mj2",
            "audio/x-m4a",
            "audio/m4a",
            "audio/x-m4b",
            "audio/3gpp",
            "audio/3gpp2",
            "image/heic",
            "image/avif",
            "image/avci",
            "image/avcs",
            "image/hej2k",
            "image/heif-sequence",
            "image/heic-sequence",
            "image/x-canon-cr3",
            "application/mp4",
        ],
    ),
    known(
        "matroska",
        &[
            "video/x-matroska",
            "audio/x-matroska",
            "video/matroska",
            "audio/matroska",
            "video/webm",
            "audio/webm",
        ],
    ),
    known("avi", &["video/x-msvideo", "video/vnd.avi", "video/avi", "video/msvideo"]),
    known("flv", &["video/x-flv", "audio/x-flv", "video/flv"]),
    known("live_flv", &["video/x-flv", "audio/x-flv", "video/flv"]),
    known("asf", &["video/x-ms-wmv", "audio/x-ms-wma", "video/x-ms-asf", "application/vnd.ms-asf"]),
    known("mpegts", &["video/mp2t", "audio/mp2t", "video/vnd.dlna.mpeg-tts"]),
    known("mpeg", &["video/mpeg", "audio/mpeg", "video/mp2p"]),
    known("mxf", &["application/mxf", "video/mxf"]),
    known("ogg", &["video/ogg", "audio/ogg", "audio/opus", "audio/vorbis", "audio/speex", "application/ogg"]),
    known("rm", &["application/vnd.rn-realmedia", "audio/x-pn-realaudio", "audio/vnd.rn-realaudio"]),
    known("nut", &["video/x-nut", "audio/x-nut"]),
    known("gxf", &["video/x-gxf", "application/gxf"]),
    known("ivf", &["video/x-ivf"]),
    known("obu", &["video/av1"]),
    known("dv", &["video/dv", "video/x-dv"]),
    known("wtv", &["video/x-wtv", "video/x-ms-wtv"]),
    known("swf", &["application/vnd.adobe.flash.movie", "application/x-shockwave-flash"]),
    known("nsv", &["video/x-nsv"]),
    known("pva", &["video/x-pva"]),
    known("yuv4mpegpipe", &["video/x-yuv4mpeg", "video/x-raw-yuv"]),
    known("h264", &["video/h264", "video/x-h264"]),
    known("hevc", &["video/h265", "video/hevc", "video/x-h265"]),
    known("m4v", &["video/mp4v-es", "video/mpeg4-generic"]),
    known("mpegvideo", &["video/mpeg"]),
    known("mjpeg", &["video/x-motion-jpeg", "video/x-mjpeg"]),
    known("vc1", &["video/vc1"]),
    known("dirac", &["video/x-dirac"]),
    known("wav", &["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/vnd.dts"]),
    known("w64", &["audio/x-w64"]),
    known("aiff", &["audio/aiff", "audio/x-aiff"]),
    known("caf", &["audio/x-caf"]),
    known("au", &["audio/basic", "audio/x-au"]),
    known("mp3", &["audio/mpeg", "audio/mp3", "audio/mpeg3", "audio/x-mpeg", "audio/x-mp3", "audio/mpa"]),
    known("aac", &["audio/aac", "audio/x-aac", "audio/aacp", "audio/x-hx-aac-adts", "audio/vnd.dlna.adts"]),
    known("ac3", &["audio/ac3", "audio/x-ac3", "audio/vnd.dolby.dd-raw"]),
    known("eac3", &["audio/eac3", "audio/x-eac3"]),
    known("truehd", &["audio/vnd.dolby.mlp", "audio/x-truehd"]),
    known("dts", &["audio/vnd.dts", "audio/x-dts"]),
    known("dtshd", &["audio/vnd.dts.hd", "audio/x-dtshd"]),
    known("flac", &["audio/flac", "audio/x-flac"]),
    known("wv", &["audio/x-wavpack", "audio/wavpack"]),
    known("ape", &["audio/x-ape", "audio/ape", "audio/x-monkeys-audio"]),
    known("tta", &["audio/x-tta", "audio/tta"]),
    known("tak", &["audio/x-tak"]),
    known("mpc", &["audio/x-musepack", "audio/musepack"]),
    known("mpc8", &["audio/x-musepack", "audio/musepack"]),
    known("amr", &["audio/amr", "audio/amr-wb", "audio/3gpp"]),
    known("amrnb", &["audio/amr"]),
    known("amrwb", &["audio/amr-wb"]),
    known("dsf", &["audio/x-dsf", "audio/dsf", "audio/x-dsd"]),
    known("voc", &["audio/x-voc"]),
    known("flic", &["video/x-fli", "video/fli", "video/x-flic"]),
    known("aa", &["audio/audible", "audio/x-pn-audibleaudio"]),
    known("loas", &["audio/mp4a-latm", "audio/aac"]),
    known("iff", &["image/x-ilbm", "audio/x-8svx", "audio/x-dff", "image/ilbm", "audio/8svx", "audio/dff"]),
    known("fits", &["image/fits", "application/fits", "image/x-fits"]),
    known("gif", &["image/gif"]),
    known("apng", &["image/apng", "image/png"]),
    known("ico", &["image/x-icon", "image/vnd.microsoft.icon"]),
    known("png_pipe", &["image/png", "image/apng"]),
    known("jpeg_pipe", &["image/jpeg"]),
    known("jpegls_pipe", &["image/jls", "image/x-jls"]),
    known("jpegxl_pipe", &["image/jxl"]),
    known("jpegxl_anim", &["image/jxl"]),
    known("j2k_pipe", &["image/jp2", "image/jpx", "image/j2c", "image/x-jp2", "image/jph", "image/jphc"]),
    known("webp_pipe", &["image/webp"]),
    known("bmp_pipe", &["image/bmp"]),
    known(
        "tiff_pipe",
        &[
            "image/tiff",
            "image/x-adobe-dng",
            "image/dng",
            "image/x-dng",
            "image/x-canon-cr2",
            "image/x-nikon-nef",
            "image/x-nikon-nrw",
            "image/x-sony-arw",
            "image/x-sony-sr2",
            "image/x-sony-srf",
            "image/x-pentax-pef",
            "image/x-samsung-srw",
            "image/x-epson-erf",
            "image/x-hasselblad-3fr",
            "image/x-hasselblad-fff",
            "image/x-kodak-dcr",
            "image/x-kodak-kdc",
            "image/x-leica-rwl",
            "image/x-mamiya-mef",
            "image/x-phaseone-iiq",
            "image/x-leaf-mos",
            "image/x-kodak-k25",
            "image/x-gopro-gpr",
            "image/x-raw",
            "image/x-dcraw",
        ],
    ),
    known("dds_pipe", &["image/vnd.ms-dds", "image/x-dds", "image/vnd-ms.dds"]),
    known("dpx_pipe", &["image/x-dpx", "image/dpx"]),
    known("exr_pipe", &["image/x-exr", "image/exr", "image/aces"]),
    known("psd_pipe", &["image/vnd.adobe.photoshop", "image/x-photoshop", "application/x-photoshop"]),
    known("qoi_pipe", &["image/qoi", "image/x-qoi"]),
    known("hdr_pipe", &["image/vnd.radiance", "image/x-hdr"]),
    known("pam_pipe", &["image/x-portable-arbitrarymap", "image/x-portable-anymap"]),
    known("pbm_pipe", &["image/x-portable-bitmap", "image/x-portable-anymap"]),
    known("pgm_pipe", &["image/x-portable-graymap", "image/x-portable-anymap"]),
    known("pgmyuv_pipe", &["image/x-portable-graymap", "image/x-portable-anymap"]),
    known("ppm_pipe", &["image/x-portable-pixmap", "image/x-portable-anymap"]),
    known("pfm_pipe", &["image/x-portable-floatmap", "image/x-pfm"]),
    known("pcx_pipe", &["image/vnd.zbrush.pcx", "image/x-pcx"]),
    known("sgi_pipe", &["image/sgi", "image/x-sgi", "image/x-rgb"]),
    known("xbm_pipe", &["image/x-xbitmap", "image/x-xbm"]),
    known("xpm_pipe", &["image/x-xpixmap", "image/x-xpm"]),
    known("sunrast_pipe", &["image/x-sun-raster", "image/x-cmu-raster"]),
];
