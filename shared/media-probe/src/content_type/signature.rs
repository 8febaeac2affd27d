//! Detects formats by the first bytes of a file, whether or not ffprobe can read it.

use super::table::Container;
use super::text;
use crate::reason::Kind;

/// An offset, the bytes there, and the format that they identify.
type Signature = (usize, &'static [u8], Found<&'static str>);

/// The format of a file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<T> {
    /// A container of the table, by ffprobe's name.
    Container(T),
    /// A format that is not in the table, by its media type.
    Type(&'static str),
}

use Found::{Container as In, Type as Is};

/// All signatures. Among those with the same beginning, longer ones come first.
const SIGNATURES: &[Signature] = &[
    (0, b"\xff\xd8\xff\xf7", In("jpegls_pipe")),
    (0, b"\xff\xd8\xff", In("jpeg_pipe")),
    (0, b"\x89PNG\r\n\x1a\n", In("png_pipe")),
    (0, b"GIF8", In("gif")),
    (8, b"WEBP", In("webp_pipe")),
    (0, b"8BPS\0", In("psd_pipe")),
    (0, b"II\x1a\0\0\0HEAPCCDR", Is("image/x-canon-crw")),
    (8, b"CR\x02\0", Is("image/x-canon-cr2")),
    (0, b"II*\0", In("tiff_pipe")),
    (0, b"MM\0*", In("tiff_pipe")),
    (0, b"II+\0\x08\0\0\0", In("tiff_pipe")),
    (0, b"MM\0+\0\x08\0\0", In("tiff_pipe")),
    (0, b"IIRO", Is("image/x-olympus-orf")),
    (0, b"IIRS", Is("image/x-olympus-orf")),
    (0, b"MMOR", Is("image/x-olympus-orf")),
    (0, b"IIU\0", Is("image/x-panasonic-rw2")),
    (0, b"FUJIFILMCCD-RAW", Is("image/x-fuji-raf")),
    (0, b"FOVb", Is("image/x-sigma-x3f")),
    (0, b"\0MRM", Is("image/x-minolta-mrw")),
    (0, b"II\xbc", Is("image/jxr")),
    (0, b"icns", Is("image/icns")),
    (0, b"qoif", In("qoi_pipe")),
    (0, b"v/1\x01", In("exr_pipe")),
    (0, b"SDPX", In("dpx_pipe")),
    (0, b"XPDS", In("dpx_pipe")),
    (0, b"DDS \x7c\0\0\0", In("dds_pipe")),
    (0, b"#?RADIANCE", In("hdr_pipe")),
    (0, b"#?RGBE", In("hdr_pipe")),
    (0, b"P7\n", In("pam_pipe")),
    (0, b"P1\n", In("pbm_pipe")),
    (0, b"P4\n", In("pbm_pipe")),
    (0, b"P2\n", In("pgm_pipe")),
    (0, b"P5\n", In("pgm_pipe")),
    (0, b"P3\n", In("ppm_pipe")),
    (0, b"P6\n", In("ppm_pipe")),
    (0, b"PF\n", In("pfm_pipe")),
    (0, b"Pf\n", In("pfm_pipe")),
    (0, b"\xff\x4f\xff\x51", In("j2k_pipe")),
    (4, b"jP  \r\n\x87\n", In("j2k_pipe")),
    (4, b"JXL \r\n\x87\n", In("jpegxl_pipe")),
    (0, b"\xff\x0a", In("jpegxl_pipe")),
    (0, b"\x59\xa6\x6a\x95", In("sunrast_pipe")),
    (0, b"\x01\xda\0\x01\0", In("sgi_pipe")),
    (0, b"\x01\xda\x01\x01\0", In("sgi_pipe")),
    (0, b"SIMPLE  =", In("fits")),
    (0, b"FLIF", Is("image/flif")),
    (0, b"BPG\xfb", Is("image/bpg")),
    (0, b"\xabKTX 11\xbb\r\n\x1a\n", Is("image/ktx")),
    (0, b"\xabKTX 20\xbb\r\n\x1a\n", Is("image/ktx2")),
    (0, b"\x13\xab\xa1\x5c", Is("image/astc")),
    (0, b"gimp xcf ", Is("image/x-xcf")),
    (0, b"/* XPM */", In("xpm_pipe")),
    (0, b"farbfeld", Is("image/x-farbfeld")),
    (0, b"\xd7\xcd\xc6\x9a", Is("image/wmf")),
    (40, b" EMF", Is("image/emf")),
    (8, b"ILBM", Is("image/x-ilbm")),
    (8, b"PBM BMHD", Is("image/x-ilbm")),
    (8, b"8SVX", Is("audio/x-8svx")),
    (8, b"AVI LIST", In("avi")),
    (8, b"WAVE", In("wav")),
    (8, b"AIFF", In("aiff")),
    (8, b"AIFC", In("aiff")),
    (0, b"riff\x2e\x91\xcf\x11", In("w64")),
    (0, b"OggS", In("ogg")),
    (0, b"fLaC", In("flac")),
    (0, b"wvpk", In("wv")),
    (0, b"MAC ", In("ape")),
    (0, b"TTA1", In("tta")),
    (0, b"TTA2", In("tta")),
    (0, b"tBaK", In("tak")),
    (0, b"MPCK", In("mpc8")),
    (0, b"MP+", In("mpc")),
    (0, b"DSD \x1c\0\0\0", In("dsf")),
    (0, b"FRM8", Is("audio/x-dff")),
    (0, b"Creative Voice File\x1a", In("voc")),
    (0, b"caff\0\x01", In("caf")),
    (0, b".snd", In("au")),
    (0, b"#!AMR-WB\n", In("amr")),
    (0, b"#!AMR\n", In("amr")),
    (0, b"DTSHDHDR", In("dtshd")),
    (0, b"\x7f\xfe\x80\x01", In("dts")),
    (4, b"\xf8\x72\x6f\xba", In("truehd")),
    (0, b"ADIF", In("aac")),
    (0, b"MThd\0\0\0\x06", Is("audio/midi")),
    (0, b"Extended Module: ", Is("audio/x-xm")),
    (44, b"SCRM", Is("audio/x-s3m")),
    (3, b"STL25.01", Is("application/x-ebu-stl")),
    (3, b"STL30.01", Is("application/x-ebu-stl")),
    (4, b"\x57\x90\x75\x36", In("aa")),
    (0, b"IMPM", Is("audio/x-it")),
    (1080, b"M.K.", Is("audio/x-mod")),
    (0, b"PSID\0", Is("audio/prs.sid")),
    (0, b"RSID\0", Is("audio/prs.sid")),
    (0, b"NIST_1A\n", Is("audio/x-nist")),
    (0, b"\x1a\x45\xdf\xa3", In("matroska")),
    (0, b"FLV\x01", In("flv")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", In("asf")),
    (0, b"\0\0\x01\xba", In("mpeg")),
    (0, b"\0\0\x01\xb3", In("mpegvideo")),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01", In("mxf")),
    (0, b".RMF", In("rm")),
    (0, b"nut/multimedia container\0", In("nut")),
    (0, b"DKIF\0\0", In("ivf")),
    (0, b"YUV4MPEG2", In("yuv4mpegpipe")),
    (0, b"NSVf", In("nsv")),
    (0, b"NSVs", In("nsv")),
    (0, b"\xb7\xd8\0\x20\x37\x49\xda\x11", In("wtv")),
    (0, b"BBCD", In("dirac")),
    (0, b"SMK2", Is("video/x-smacker")),
    (0, b"SMK4", Is("video/x-smacker")),
    (0, b"BIKi", Is("video/x-bink")),
    (0, b"KB2", Is("video/x-bink")),
    (0, b"FWS", In("swf")),
    (0, b"CWS", In("swf")),
    (0, b"ZWS", In("swf")),
];

/// Detects the format of a file by its first bytes and, for TGA and text, by its `extension`.
pub(super) fn find(head: &[u8], extension: Option<&str>) -> Option<Found<&'static Container>> {
    let at = |at: usize, bytes: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(bytes));
    let by_table = SIGNATURES.iter().find(|(place, bytes, _)| at(*place, bytes)).map(|(.., found)| *found);
    let found = iso_media(head)
        .or(by_table.filter(|found| is_whole(head, *found)))
        .or_else(|| flic(head))
        .or_else(|| cursor(head))
        .or_else(|| targa(head, extension))
        .or_else(|| latm(head))
        .or_else(|| compressed_vectors(head, extension))
        .or_else(|| text::by_content(head).map(Is))
        .or_else(|| infer::get(head).map(|found| Is(found.mime_type())))
        .or_else(|| text::by_name(head, extension?).map(Is))?;
    match found {
        In(format) => Container::named(format).map(In),
        Is(name) => Some(Is(name)),
    }
}

/// Returns whether a file is a camera's raw file in a format that ffprobe does not support.
pub(crate) fn is_camera_raw(head: &[u8]) -> bool {
    const FORMATS: [&str; 7] = [
        "image/x-fuji-raf",
        "image/x-olympus-orf",
        "image/x-panasonic-rw2",
        "image/x-sigma-x3f",
        "image/x-minolta-mrw",
        "image/x-canon-crw",
        "image/x-canon-cr3",
    ];
    matches!(find(head, None), Some(Is(name)) if FORMATS.contains(&name))
}

/// Detects the format of a file that ffprobe did not read, for the reason in the result.
pub(crate) fn kind(head: &[u8]) -> Option<Kind> {
    Some(match find(head, None)? {
        In(container) => Kind::Container(container.format),
        // Brands of ISO base media files.
        Is(_) if head.get(4..8) == Some(b"ftyp") => Kind::Container("mov"),
        Is(name) => Kind::Type(name),
    })
}

/// Returns whether the bytes after a short signature are consistent with its format.
fn is_whole(head: &[u8], found: Found<&str>) -> bool {
    let byte = |at: usize| head.get(at).copied().unwrap_or_default();
    match found {
        In("swf") => (1..=50).contains(&byte(3)),
        In("avi" | "wav" | "webp_pipe") => head.starts_with(b"RIFF") || head.starts_with(b"RF64"),
        In("aiff") | Is("image/x-ilbm" | "audio/x-8svx") => head.starts_with(b"FORM"),
        Is("image/x-canon-cr2") => head.starts_with(b"II*\0"),
        Is("image/emf") => head.starts_with(b"\x01\0\0\0"),
        In("gif") => matches!(byte(4), b'7' | b'9') && byte(5) == b'a',
        _ => true,
    }
}

/// Detects an ISO base media file by its brand (ISO/IEC 14496-12, 4.3).
fn iso_media(head: &[u8]) -> Option<Found<&'static str>> {
    let kind = head.get(4..8)?;
    match kind {
        b"ftyp" => {
            Some(brand(std::str::from_utf8(head.get(8..12)?).unwrap_or_default()).map_or(In("mov"), Is))
        }
        b"styp" | b"moov" | b"moof" | b"sidx" | b"wide" => Some(In("mov")),
        b"mdat" if head.starts_with(b"\0\0") => Some(In("mov")),
        // Boxes that precede a fragment; short ones, which text does not resemble.
        b"emsg" | b"prft" | b"ssix" | b"free" | b"skip" | b"uuid" if head[0] == 0 => Some(In("mov")),
        _ => None,
    }
}

/// Returns the media type of a brand; `None` for brands of general containers.
pub(super) fn brand(name: &str) -> Option<&'static str> {
    match name.trim() {
        "avif" | "avis" => Some("image/avif"),
        "heic" | "heix" | "heim" | "heis" => Some("image/heic"),
        "hevc" | "hevx" | "hevm" | "hevs" => Some("image/heic-sequence"),
        "avci" => Some("image/avci"),
        "avcs" => Some("image/avcs"),
        "j2ki" => Some("image/hej2k"),
        "mif1" | "mif2" | "miaf" | "jpeg" => Some("image/heif"),
        "msf1" | "jpgs" => Some("image/heif-sequence"),
        "crx" => Some("image/x-canon-cr3"),
        "qt" => Some("video/quicktime"),
        "mjp2" | "mj2s" => Some("video/mj2"),
        "M4A" | "M4B" => Some("audio/mp4"),
        name if name.starts_with("3g2") => Some("video/3gpp2"),
        name if name.starts_with("3gp") => Some("video/3gpp"),
        _ => None,
    }
}

/// Detects an Autodesk animation: its size, then a number of its kind.
fn flic(head: &[u8]) -> Option<Found<&'static str>> {
    let (kind, depth) = (head.get(4..6)?, head.get(12..14)?);
    (matches!(kind, b"\x11\xaf" | b"\x12\xaf") && depth == b"\x08\0").then_some(In("flic"))
}

/// Detects a Windows cursor: a directory of one or a few pictures, the first with a reserved zero.
fn cursor(head: &[u8]) -> Option<Found<&'static str>> {
    let count = u16::from_le_bytes([*head.get(4)?, *head.get(5)?]);
    let is_one = head.starts_with(b"\0\0\x02\0") && (1..=64).contains(&count) && head.get(9) == Some(&0);
    (is_one && head.len() >= 22).then_some(Is("image/x-win-bitmap"))
}

/// Detects AAC in LOAS (ISO/IEC 14496-3, 1.7.3): two frames with a sync word of 11 bits and a length of 13 bits.
fn latm(head: &[u8]) -> Option<Found<&'static str>> {
    let is_frame = |frame: &[u8]| matches!(frame, [0x56, second, ..] if second & 0xE0 == 0xE0);
    let length = usize::from(u16::from_be_bytes([*head.get(1)?, *head.get(2)?]) & 0x1FFF);
    (is_frame(head) && length > 0 && is_frame(head.get(3 + length..)?)).then_some(In("loas"))
}

/// Detects a compressed SVG, whose first bytes are those of any gzip file, by its extension.
fn compressed_vectors(head: &[u8], extension: Option<&str>) -> Option<Found<&'static str>> {
    (extension? == "svgz" && head.starts_with(b"\x1f\x8b\x08")).then_some(Is("image/svg+xml"))
}

/// Detects TGA, which has no signature at its beginning, by its extension and a plausible header.
fn targa(head: &[u8], extension: Option<&str>) -> Option<Found<&'static str>> {
    let named = matches!(extension?, "tga" | "icb" | "vda" | "vst");
    (named && is_targa_header(head)).then_some(Is("image/x-tga"))
}

/// Returns whether bytes are a plausible TGA header.
pub(crate) fn is_targa_header(head: &[u8]) -> bool {
    let Some(header) = head.get(..18) else { return false };
    let depth = header[16];
    header[1] <= 1
        && matches!(header[2], 1..=3 | 9..=11)
        && matches!(depth, 8 | 15 | 16 | 24 | 32)
        && (header[12..14] != [0, 0] && header[14..16] != [0, 0])
        && header[17] & 0xC0 == 0
}
