//! Packed audio, as segments of HLS have it.

/// Puts an ID3 tag with the time in seconds before AAC in ADTS frames (RFC 8216, section 3.4).
pub(crate) fn tagged(adts: &[u8], seconds: f64) -> Vec<u8> {
    let microseconds = std::time::Duration::from_secs_f64(seconds).as_micros();
    let time = u64::try_from(microseconds * 9 / 100).expect("a time").to_be_bytes();
    let owner = b"com.apple.streaming.transportStreamTimestamp\0";
    let frame = [b"PRIV\0\0\0\x35\0\0".as_slice(), owner, &time].concat();
    [b"ID3\x04\0\0\0\0\0\x3f".as_slice(), &frame, adts].concat()
}

/// Returns the position of an ADTS frame.
pub(crate) fn frame(adts: &[u8], number: usize) -> usize {
    (0..number).fold(0, |at, _| {
        let header = &adts[at..at + 7];
        assert!(header[0] == 0xff && header[1] & 0xf0 == 0xf0, "no ADTS frame at {at}");
        at + (usize::from(header[3] & 3) << 11 | usize::from(header[4]) << 3 | usize::from(header[5]) >> 5)
    })
}
