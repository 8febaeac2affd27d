//! The checksums of objects and parts in the headers `x-amz-checksum-*`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crc_fast::CrcAlgorithm;
use s3s::S3ErrorCode;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};

use super::fault::{Fault, Outcome};

/// A checksum algorithm of S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    /// All algorithms.
    pub(super) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// Returns the name in `x-amz-checksum-algorithm`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// Returns the name of the header, or trailer, of the value.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// Parses `x-amz-checksum-algorithm`.
    pub(super) fn from_name(name: &str) -> Outcome<Self> {
        let known = Self::ALL.into_iter().find(|algorithm| algorithm.name() == name);
        known.ok_or_else(|| {
            let message = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
                           [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]";
            Fault::new(S3ErrorCode::InvalidRequest, message)
        })
    }

    /// Parses a value that a client sent: the digest in base64.
    pub(super) fn decode(self, value: &str) -> Outcome<Vec<u8>> {
        let raw = BASE64.decode(value).ok().filter(|raw| raw.len() == self.length());
        raw.ok_or_else(|| {
            Fault::new(S3ErrorCode::InvalidRequest, format!("Value for {} header is invalid.", self.header()))
        })
    }

    /// Encodes a digest in base64.
    pub(super) fn encode(self, raw: &[u8]) -> String {
        debug_assert_eq!(raw.len(), self.length());
        BASE64.encode(raw)
    }

    fn length(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Returns the CRC variant, if the checksums of parts combine to that of the whole.
    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }
}

/// The input of a multipart object's checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The object's bytes.
    FullObject,
    /// The checksums of the parts; the value ends with `-` and the number of parts.
    Composite,
}

impl Kind {
    /// Returns the name in `x-amz-checksum-type`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }

    /// Parses `x-amz-checksum-type`, or returns S3's default.
    pub(super) fn choose(name: Option<&str>, algorithm: Algorithm) -> Outcome<Self> {
        let (full, composite) = (algorithm.crc().is_some(), algorithm != Algorithm::Crc64Nvme);
        let kind = match name {
            Some("FULL_OBJECT") if full => Self::FullObject,
            Some("COMPOSITE") if composite => Self::Composite,
            Some("FULL_OBJECT" | "COMPOSITE") => {
                let (kind, algorithm) = (name.unwrap_or_default(), algorithm.name().to_ascii_lowercase());
                let message = format!(
                    "The {kind} checksum type cannot be used with the {algorithm} checksum algorithm."
                );
                return Err(Fault::new(S3ErrorCode::InvalidRequest, message));
            }
            Some(_) => {
                return Err(Fault::new(
                    S3ErrorCode::InvalidRequest,
                    "Value for x-amz-checksum-type header is invalid.",
                ));
            }
            None if composite => Self::Composite,
            None => Self::FullObject,
        };
        Ok(kind)
    }
}

/// A stored checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checksum {
    pub(super) algorithm: Algorithm,
    pub(super) kind: Kind,
    /// Base64; a composite one ends with `-` and the number of parts.
    pub(super) value: String,
}

impl Checksum {
    /// Creates the checksum of a whole body.
    pub(super) fn of_body(algorithm: Algorithm, raw: &[u8]) -> Self {
        Self { algorithm, kind: Kind::FullObject, value: algorithm.encode(raw) }
    }

    /// Computes the checksum of an object from the digests and sizes of its parts.
    pub(super) fn of_parts(algorithm: Algorithm, kind: Kind, parts: &[(Vec<u8>, u64)]) -> Self {
        let value = match (kind, algorithm.crc()) {
            (Kind::FullObject, Some(crc)) => BASE64.encode(combine(crc, algorithm.length(), parts)),
            _ => {
                let mut digest = Digest::new(algorithm);
                parts.iter().for_each(|(raw, _)| digest.update(raw));
                format!("{}-{}", BASE64.encode(digest.finish()), parts.len())
            }
        };
        Self { algorithm, kind, value }
    }
}

/// Combines the CRCs of parts to that of the whole, without reading the bytes.
fn combine(crc: CrcAlgorithm, length: usize, parts: &[(Vec<u8>, u64)]) -> Vec<u8> {
    let number = |raw: &[u8]| raw.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let whole = parts.iter().map(|(raw, size)| (number(raw), *size)).reduce(|(sum, total), (next, size)| {
        (crc_fast::checksum_combine(crc, sum, next, size), total + size)
    });
    whole.unwrap_or_default().0.to_be_bytes()[8 - length..].to_vec()
}

/// A digest in progress.
pub(super) enum Digest {
    Crc32(Crc32),
    Crc32c(Crc32c),
    Crc64Nvme(Crc64Nvme),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Digest {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Crc32 => Self::Crc32(Crc32::new()),
            Algorithm::Crc32c => Self::Crc32c(Crc32c::new()),
            Algorithm::Crc64Nvme => Self::Crc64Nvme(Crc64Nvme::new()),
            Algorithm::Sha1 => Self::Sha1(Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(digest) => digest.update(bytes),
            Self::Crc32c(digest) => digest.update(bytes),
            Self::Crc64Nvme(digest) => digest.update(bytes),
            Self::Sha1(digest) => digest.update(bytes),
            Self::Sha256(digest) => digest.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Self::Crc32(digest) => digest.finalize().to_vec(),
            Self::Crc32c(digest) => digest.finalize().to_vec(),
            Self::Crc64Nvme(digest) => digest.finalize().to_vec(),
            Self::Sha1(digest) => digest.finalize().to_vec(),
            Self::Sha256(digest) => digest.finalize().to_vec(),
        }
    }
}

/// Returns the only checksum of a request, if any, with its value as sent.
pub(super) fn single(sent: [(Algorithm, Option<&str>); 5]) -> Outcome<Option<(Algorithm, String)>> {
    let mut values = sent.into_iter().filter_map(|(algorithm, value)| Some((algorithm, value?.to_owned())));
    let first = values.next();
    if values.next().is_some() {
        let message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
        return Err(Fault::new(S3ErrorCode::InvalidRequest, message));
    }
    Ok(first)
}

/// Collects the five checksum fields that many inputs of `s3s` have.
macro_rules! sent_checksums {
    ($input:expr) => {
        [
            (Algorithm::Crc32, $input.checksum_crc32.as_deref()),
            (Algorithm::Crc32c, $input.checksum_crc32c.as_deref()),
            (Algorithm::Crc64Nvme, $input.checksum_crc64nvme.as_deref()),
            (Algorithm::Sha1, $input.checksum_sha1.as_deref()),
            (Algorithm::Sha256, $input.checksum_sha256.as_deref()),
        ]
    };
}
pub(super) use sent_checksums;

/// Sets one of the five checksum fields that many outputs of `s3s` have.
macro_rules! set_checksum {
    ($output:expr, $algorithm:expr, $value:expr) => {
        match $algorithm {
            Algorithm::Crc32 => $output.checksum_crc32 = Some($value),
            Algorithm::Crc32c => $output.checksum_crc32c = Some($value),
            Algorithm::Crc64Nvme => $output.checksum_crc64nvme = Some($value),
            Algorithm::Sha1 => $output.checksum_sha1 = Some($value),
            Algorithm::Sha256 => $output.checksum_sha256 = Some($value),
        }
    };
}
pub(super) use set_checksum;

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(algorithm: Algorithm, bytes: &[u8]) -> Vec<u8> {
        let mut digest = Digest::new(algorithm);
        digest.update(bytes);
        digest.finish()
    }

    #[test]
    fn crcs_of_parts_combine_into_the_crc_of_the_whole() {
        let (first, second, third) = (vec![7_u8; 70_001], vec![9_u8; 3], b"the end".to_vec());
        let whole = [first.clone(), second.clone(), third.clone()].concat();
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let parts: Vec<_> =
                [&first, &second, &third].map(|part| (raw(algorithm, part), part.len() as u64)).to_vec();
            let combined = Checksum::of_parts(algorithm, Kind::FullObject, &parts);
            assert_eq!(combined, Checksum::of_body(algorithm, &raw(algorithm, &whole)), "{algorithm:?}");
        }
    }

    #[test]
    fn a_composite_checksum_is_computed_from_the_parts_digests() {
        let parts = [raw(Algorithm::Sha256, b"a"), raw(Algorithm::Sha256, b"b")];
        let sized: Vec<_> = parts.iter().map(|part| (part.clone(), 1)).collect();
        let expected = format!("{}-2", BASE64.encode(raw(Algorithm::Sha256, &parts.concat())));
        assert_eq!(Checksum::of_parts(Algorithm::Sha256, Kind::Composite, &sized).value, expected);
    }

    #[test]
    fn the_check_value_of_crc64nvme_is_the_published_one() {
        assert_eq!(hex::encode(raw(Algorithm::Crc64Nvme, b"123456789")), "ae8b14860a799888");
    }

    #[test]
    fn kinds_fit_their_algorithms() {
        assert_eq!(Kind::choose(None, Algorithm::Crc64Nvme).unwrap(), Kind::FullObject);
        assert_eq!(Kind::choose(None, Algorithm::Sha256).unwrap(), Kind::Composite);
        assert_eq!(Kind::choose(Some("FULL_OBJECT"), Algorithm::Crc32).unwrap(), Kind::FullObject);
        assert!(Kind::choose(Some("COMPOSITE"), Algorithm::Crc64Nvme).is_err());
        assert!(Kind::choose(Some("FULL_OBJECT"), Algorithm::Sha256).is_err());
    }

    #[test]
    fn a_value_must_be_base64_of_the_right_length() {
        assert!(Algorithm::Crc32.decode("AAAAAA==").is_ok());
        assert!(Algorithm::Crc32.decode("AAAAAAAAAAA=").is_err());
        assert!(Algorithm::Sha256.decode("not base64").is_err());
    }
}
