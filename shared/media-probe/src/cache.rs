//! A least-recently-used cache of blocks.

use std::collections::HashMap;

use bytes::Bytes;

/// Bytes in a block. Every block except the file's last is full.
pub(crate) const BLOCK: u64 = 64 * 1024;

/// Maximum number of blocks in the cache: 16 MiB.
const CAPACITY: usize = 256;

/// Longest read whose blocks are slices of it, in bytes. A slice keeps the whole read in memory, so the cache takes at most five
/// times its nominal size. Blocks of longer reads are copied.
const MAX_SLICED: usize = 5 * BLOCK_LEN;

/// A bounded cache of blocks by number.
#[derive(Debug, Default)]
pub(crate) struct BlockCache {
    blocks: HashMap<u64, (Bytes, u64)>,
    clock: u64,
}

impl BlockCache {
    pub(crate) fn get(&mut self, block: u64) -> Option<Bytes> {
        self.clock += 1;
        let (bytes, used) = self.blocks.get_mut(&block)?;
        *used = self.clock;
        Some(bytes.clone())
    }

    pub(crate) fn contains(&self, block: u64) -> bool {
        self.blocks.contains_key(&block)
    }

    /// Stores bytes that begin at the boundary of block `first`.
    pub(crate) fn insert(&mut self, first: u64, bytes: &Bytes) {
        let mut block = first;
        let mut rest = bytes.as_ref();
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(BLOCK_LEN));
            self.clock += 1;
            let kept =
                if bytes.len() <= MAX_SLICED { bytes.slice_ref(head) } else { Bytes::copy_from_slice(head) };
            self.blocks.insert(block, (kept, self.clock));
            block += 1;
            rest = tail;
        }
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.blocks.len() > CAPACITY {
            let Some(oldest) = self.blocks.iter().min_by_key(|(_, (_, used))| *used).map(|(block, _)| *block)
            else {
                return;
            };
            self.blocks.remove(&oldest);
        }
    }
}

const BLOCK_LEN: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_is_split_into_blocks() {
        let mut cache = BlockCache::default();
        cache.insert(7, &Bytes::from(vec![1; BLOCK_LEN + 10]));
        assert_eq!(cache.get(7).unwrap().len(), BLOCK_LEN);
        assert_eq!(cache.get(8).unwrap().len(), 10);
        assert!(cache.get(6).is_none() && cache.get(9).is_none());
    }

    #[test]
    fn the_cache_is_bounded_and_evicts_the_least_recently_used() {
        let mut cache = BlockCache::default();
        cache.insert(0, &Bytes::from(vec![0; BLOCK_LEN]));
        for block in 1..1000 {
            cache.insert(block, &Bytes::from(vec![0; BLOCK_LEN]));
            assert!(cache.get(0).is_some(), "evicted at {block} although it is in use");
        }
        assert_eq!(cache.blocks.len(), CAPACITY);
        assert!(!cache.contains(500) && cache.contains(999));
    }
}
