//! How much of the system a program needs before it is itself.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Whoever loads the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loader {
    /// The kernel alone: the program is static and opens no file, the layer's ffprobe among them.
    Kernel,
    /// A dynamic loader or an interpreter, which opens libraries and maps them as code.
    Files,
}

const PROGRAM_INTERPRETER: u32 = 3;
/// The header and the program headers of every usual program.
const LOOKED_AT: u16 = 4096;

impl Loader {
    /// Of the program at `path`.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let mut head = Vec::with_capacity(usize::from(LOOKED_AT));
        File::open(path)?.take(u64::from(LOOKED_AT)).read_to_end(&mut head)?;
        Ok(if is_static(&head) == Some(true) { Self::Kernel } else { Self::Files })
    }
}

/// None for what is no 64-bit little-endian ELF file whose program headers are in `head`.
fn is_static(head: &[u8]) -> Option<bool> {
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let table = usize::try_from(u64::from_le_bytes(bytes(head, 32)?)).ok()?;
    let size = usize::from(u16::from_le_bytes(bytes(head, 54)?));
    let count = usize::from(u16::from_le_bytes(bytes(head, 56)?));
    for index in 0..count {
        let at = table.checked_add(index.checked_mul(size)?)?;
        if u32::from_le_bytes(bytes(head, at)?) == PROGRAM_INTERPRETER {
            return Some(false);
        }
    }
    Some(true)
}

fn bytes<const N: usize>(head: &[u8], at: usize) -> Option<[u8; N]> {
    head.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(segments: &[u32]) -> Vec<u8> {
        let mut head = vec![0; 64];
        head[..6].copy_from_slice(b"\x7fELF\x02\x01");
        head[32] = 64;
        head[54] = 56;
        head[56] = u8::try_from(segments.len()).unwrap();
        for segment in segments {
            head.extend(segment.to_le_bytes());
            head.extend([0; 52]);
        }
        head
    }

    #[test]
    fn only_a_whole_static_elf_is_static() {
        assert_eq!(is_static(&elf(&[6, 1, 2])), Some(true));
        assert_eq!(is_static(&elf(&[6, 3, 1])), Some(false));
        assert_eq!(is_static(b"#!/bin/sh\n"), None);
        let whole = elf(&[6, 1, 2]);
        for length in 0..whole.len() - 52 {
            assert_eq!(is_static(&whole[..length]), None, "{length} bytes");
        }
        let mut far = whole;
        far[32..40].fill(0xff);
        assert_eq!(is_static(&far), None);
    }

    #[test]
    fn this_test_is_dynamic() {
        assert_eq!(Loader::of(&std::env::current_exe().unwrap()).unwrap(), Loader::Files);
        assert!(Loader::of(Path::new("/nonexistent")).is_err());
    }
}
