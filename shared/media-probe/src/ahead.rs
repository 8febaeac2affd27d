//! How much to read at once: little where a reader jumps about, much where it reads on.

use std::collections::VecDeque;
use std::ops::Range;

use crate::cache::BLOCK;

/// Blocks of the first two reads of a file: 320 KiB are what ffprobe looks at of most, with what the sockets hold beyond; 448 KiB
/// of nearly all.
const START: [u64; 2] = [5, 2];
/// Bytes of the first read of a file, which a probe makes in any case.
pub const FIRST_READ_BYTES: u64 = START[0] * BLOCK;
/// Blocks of the reads that follow each other at any other place. 256 KiB hold most headers and small indexes; a reader that is
/// still there after two of them wants a large one, or a whole picture. The last one repeats: 2 MiB at most are read in vain
/// after the last byte that ffprobe wanted.
const WINDOWS: [u64; 4] = [4, 3, 12, 32];
/// Places followed at the same time: a badly interleaved file is read at two or three in turn.
const PLACES: usize = 8;

/// Follows the places at which a file is read.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead {
    /// The block after each run read so far, and the reads it took; the most recent last.
    runs: VecDeque<(u64, usize)>,
}

impl ReadAhead {
    /// The blocks to read for a reader that needs `block`, in a file of `count` blocks, stopping before what `have`
    /// says is there already.
    pub(crate) fn plan(&mut self, block: u64, count: u64, have: impl Fn(u64) -> bool) -> Range<u64> {
        let run = self.runs.iter().position(|(next, _)| *next == block);
        let reads = run.and_then(|index| self.runs.remove(index)).map_or(0, |(_, reads)| reads);
        let window = match (block, reads) {
            (0, _) => START[0],
            (block, 1) if block == START[0] => START[1],
            _ => WINDOWS[reads],
        };
        let limit = block.saturating_add(window).min(count);
        let end = (block + 1..limit).find(|next| have(*next)).unwrap_or(limit);
        self.runs.push_back((end, (reads + 1).min(WINDOWS.len() - 1)));
        if self.runs.len() > PLACES {
            self.runs.pop_front();
        }
        block..end
    }
}

/// Blocks of a file of `size` bytes.
pub(crate) fn blocks(size: u64) -> u64 {
    size.div_ceil(BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: fn(u64) -> bool = |_| false;

    #[test]
    fn grows_only_while_reading_on() {
        let mut ahead = ReadAhead::default();
        assert_eq!(ahead.plan(0, 10_000, NOTHING), 0..5);
        assert_eq!(ahead.plan(5, 10_000, NOTHING), 5..7);
        assert_eq!(ahead.plan(7, 10_000, NOTHING), 7..19);
        assert_eq!(ahead.plan(19, 10_000, NOTHING), 19..51);
        assert_eq!(ahead.plan(51, 10_000, NOTHING), 51..83, "capped");
        assert_eq!(ahead.plan(5_000, 10_000, NOTHING), 5_000..5_004, "a jump starts small");
        assert_eq!(ahead.plan(5_004, 10_000, NOTHING), 5_004..5_007);
        assert_eq!(ahead.plan(83, 10_000, NOTHING), 83..115, "the first place is still known");
    }

    #[test]
    fn stops_at_the_end_and_at_what_is_there() {
        let mut ahead = ReadAhead::default();
        assert_eq!(ahead.plan(9, 10, NOTHING), 9..10);
        assert_eq!(ahead.plan(0, 10, |block| block == 2), 0..2);
    }

    #[test]
    fn jumping_about_never_grows_anything() {
        let mut ahead = ReadAhead::default();
        for step in 1..1_000 {
            let block = step * 100;
            assert_eq!(ahead.plan(block, u64::MAX, NOTHING), block..block + WINDOWS[0]);
        }
        assert_eq!(ahead.runs.len(), PLACES);
    }

    #[test]
    fn counts_the_last_partial_block() {
        assert_eq!((blocks(0), blocks(1), blocks(BLOCK), blocks(BLOCK + 1)), (0, 1, 1, 2));
    }
}
