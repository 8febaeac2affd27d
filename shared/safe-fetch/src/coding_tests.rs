use super::*;
use std::io::Write as _;

const TEXT: &[u8] = b"#EXTM3U\n#EXTINF:1,\na.ts\n";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A frame of one raw block (RFC 8878).
fn zstd(text: &[u8]) -> Vec<u8> {
    let size = u8::try_from(text.len()).unwrap();
    let block = (u32::from(size) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, size], &block[..3], text].concat()
}

/// One uncompressed meta-block and an empty last one (RFC 7932).
fn brotli(text: &[u8]) -> Vec<u8> {
    // WBITS 16 (one bit 0), ISLAST 0, MNIBBLES 4, MLEN - 1, ISUNCOMPRESSED 1; then 11: last and empty.
    let length = u32::try_from(text.len() - 1).unwrap();
    let header = length << 4 | 1 << 20;
    [&header.to_le_bytes()[..3], text, &[3]].concat()
}

fn named(value: &str) -> Vec<Coding> {
    of(&HeaderMap::from_iter([(CONTENT_ENCODING, value.parse().unwrap())]))
}

#[test]
fn only_registered_codings_are_recognised() {
    for value in ["UTF-8", "base64", "binary", "aws-chunked", "identity", "none", "", "7bit, ,utf8"] {
        assert_eq!(named(value), [], "{value}");
    }
    assert_eq!(named("aws-chunked, GZIP , br"), [Coding::Gzip, Coding::Brotli]);
    assert_eq!(named("compress"), [Coding::Other("compress")]);
}

#[test]
fn texts_are_decoded() {
    for (value, body) in [
        ("gzip", gzip(TEXT)),
        ("x-gzip", gzip(TEXT)),
        ("deflate", zlib(TEXT)),
        ("deflate", deflate(TEXT)),
        ("br", brotli(TEXT)),
        ("zstd", zstd(TEXT)),
        ("gzip, gzip", gzip(&gzip(TEXT))),
        ("", gzip(TEXT)),
        ("gzip", TEXT.to_vec()),
        ("utf-8", TEXT.to_vec()),
    ] {
        assert_eq!(decode(&named(value), body, 1000).as_deref(), Ok(TEXT), "{value}");
    }
}

#[test]
fn bombs_and_broken_texts_are_refused() {
    let bomb = gzip(&vec![b' '; 10 << 20]);
    assert_eq!(decode(&named("gzip"), bomb.clone(), 1 << 20), Err(FetchError::TooLong));
    assert_eq!(decode_head(&named("gzip"), &bomb, 100).len(), 100);
    let cut = gzip(&(0..2000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
    let cut = cut[..cut.len() - 20].to_vec();
    assert_eq!(decode(&named("gzip"), cut.clone(), 1 << 20), Err(FetchError::ContentEncoding("gzip")));
    assert!(!decode_head(&named("gzip"), &cut, 1 << 20).is_empty());
    for (value, name) in [("br", "br"), ("deflate", "deflate"), ("compress", "compress")] {
        let broken = decode(&named(value), vec![0xff; 50], 1000);
        assert_eq!(broken, Err(FetchError::ContentEncoding(name)));
    }
}
