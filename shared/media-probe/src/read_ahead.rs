//! Read-ahead: short reads for random access, longer reads for sequential access.

use std::collections::VecDeque;
use std::ops::Range;

use crate::cache::BLOCK;

/// Blocks of the first two reads of a file. ffprobe reads at most 320 KiB of most files, socket buffers included, and at most
/// 448 KiB of nearly all.
const FIRST_READS: [u64; 2] = [5, 2];
/// Bytes of the first read of a file, which every probe makes.
pub const FIRST_READ_BYTES: u64 = FIRST_READS[0] * BLOCK;
/// Blocks of consecutive reads at any other position. 256 KiB hold most headers and small indexes; a reader that continues
/// after two reads needs a large index or a whole picture. The last size repeats, so at most 2 MiB are read beyond the last byte
/// that ffprobe needs.
const WINDOWS: [u64; 4] = [4, 3, 12, 32];
/// Sequential runs tracked at the same time. A badly interleaved file is read at two or three positions alternately.
const MAX_RUNS: usize = 8;

/// Tracks the positions at which a file is read.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead {
    /// The block after each run, and the number of reads in the run; the most recent run is last.
    runs: VecDeque<(u64, usize)>,
}

impl ReadAhead {
    /// Returns the blocks to read for a reader that needs `block` in a file of `count` blocks. The range ends before the first
    /// block that is cached according to `have`.
    pub(crate) fn plan(&mut self, block: u64, count: u64, have: impl Fn(u64) -> bool) -> Range<u64> {
        let run = self.runs.iter().position(|(next, _)| *next == block);
        let reads = run.and_then(|index| self.runs.remove(index)).map_or(0, |(_, reads)| reads);
        let window = match (block, reads) {
            (0, _) => FIRST_READS[0],
            (block, 1) if block == FIRST_READS[0] => FIRST_READS[1],
            _ => WINDOWS[reads],
        };
        let limit = block.saturating_add(window).min(count);
        let end = (block + 1..limit).find(|next| have(*next)).unwrap_or(limit);
        self.runs.push_back((end, (reads + 1).min(WINDOWS.len() - 1)));
        if self.runs.len() > MAX_RUNS {
            self.runs.pop_front();
        }
        block..end
    }
}

/// Returns the number of blocks of a file of `size` bytes.
pub(crate) fn blocks(size: u64) -> u64 {
    size.div_ceil(BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: fn(u64) -> bool = |_| false;

    #[test]
    fn the_window_grows_only_for_sequential_reads() {
        let mut ahead = ReadAhead::default();
        assert_eq!(ahead.plan(0, 10_000, NOTHING), 0..5);
        assert_eq!(ahead.plan(5, 10_000, NOTHING), 5..7);
        assert_eq!(ahead.plan(7, 10_000, NOTHING), 7..19);
        assert_eq!(ahead.plan(19, 10_000, NOTHING), 19..51);
        assert_eq!(ahead.plan(51, 10_000, NOTHING), 51..83, "capped");
        assert_eq!(ahead.plan(5_000, 10_000, NOTHING), 5_000..5_004, "a jump starts small");
        assert_eq!(ahead.plan(5_004, 10_000, NOTHING), 5_004..5_007);
        assert_eq!(ahead.plan(83, 10_000, NOTHING), 83..115, "the first run is still tracked");
    }

    #[test]
    fn a_read_stops_at_the_end_and_at_cached_blocks() {
        let mut ahead = ReadAhead::default();
        assert_eq!(ahead.plan(9, 10, NOTHING), 9..10);
        assert_eq!(ahead.plan(0, 10, |block| block == 2), 0..2);
    }

    #[test]
    fn random_access_never_grows_the_window() {
        let mut ahead = ReadAhead::default();
        for step in 1..1_000 {
            let block = step * 100;
            assert_eq!(ahead.plan(block, u64::MAX, NOTHING), block..block + WINDOWS[0]);
        }
        assert_eq!(ahead.runs.len(), MAX_RUNS);
    }

    #[test]
    fn the_last_partial_block_counts() {
        assert_eq!((blocks(0), blocks(1), blocks(BLOCK), blocks(BLOCK + 1)), (0, 1, 1, 2));
    }
}
