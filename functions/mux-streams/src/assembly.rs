//! Assembles the parts of an object from what ffmpeg writes.
//!
//! A muxer writes from the beginning to the end, and goes back only to fill in sizes, the duration and the index near the
//! beginning. The first part therefore stays in memory until the end, and every other part is stored as soon as it is full.

use bytes::{Bytes, BytesMut};
use tokio::task::JoinSet;

use crate::parts::{PartStore, StoreError};

/// The maximum number of parts that are being stored while the next one fills.
const MAX_STORING: usize = 2;

/// The reason why a write is refused.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// The position is in a part that is already stored, or beyond the end.
    #[error("ffmpeg wrote at {at}, where nothing can be written any more")]
    Position {
        /// The position in bytes.
        at: u64,
    },
    /// The object needs more parts than there are.
    #[error("the object needs more than {0} bytes")]
    Size(u64),
    /// A part could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The stored object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assembled {
    /// The number of parts.
    pub parts: u64,
    /// The size in bytes.
    pub size: u64,
}

/// An object that is being assembled. Memory holds at most four parts.
#[derive(Debug)]
pub struct Assembly<S> {
    store: S,
    part_size: usize,
    /// The first part.
    head: BytesMut,
    /// The part that is being filled, after the first one.
    tail: BytesMut,
    /// The number of stored parts after the first one.
    sent: u64,
    end: u64,
    storing: JoinSet<Result<(), StoreError>>,
}

impl<S: PartStore> Assembly<S> {
    /// Creates an empty object of parts of `part_size` bytes.
    pub fn new(store: S, part_size: usize) -> Self {
        let (head, tail) = (BytesMut::new(), BytesMut::new());
        Self { store, part_size: part_size.max(1), head, tail, sent: 0, end: 0, storing: JoinSet::new() }
    }

    /// Writes bytes at a position: over bytes that are still in memory, or at the end.
    ///
    /// # Errors
    /// [`AssemblyError`].
    pub async fn write(&mut self, at: u64, mut bytes: &[u8]) -> Result<(), AssemblyError> {
        let mut at = at;
        while !bytes.is_empty() {
            let written = if at == self.end { self.append(bytes).await? } else { self.overwrite(at, bytes)? };
            at += written as u64;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Stores what is left, the first part last.
    ///
    /// # Errors
    /// [`AssemblyError::Store`], [`AssemblyError::Size`].
    pub async fn finish(mut self) -> Result<Assembled, AssemblyError> {
        if !self.tail.is_empty() {
            self.send_tail().await?;
        }
        let head = std::mem::take(&mut self.head).freeze();
        self.send(1, head).await?;
        while let Some(stored) = self.storing.join_next().await {
            stored.map_err(StoreError::from)??;
        }
        Ok(Assembled { parts: self.sent + 1, size: self.end })
    }

    /// Appends as much as fits into the current part, and returns how much that was.
    async fn append(&mut self, bytes: &[u8]) -> Result<usize, AssemblyError> {
        let is_head = self.head.len() < self.part_size;
        let part = if is_head { &mut self.head } else { &mut self.tail };
        if part.capacity() == 0 && !is_head {
            part.reserve(self.part_size); // in one allocation: growing would need memory for the old and the new buffer
        }
        let count = bytes.len().min(self.part_size - part.len());
        part.extend_from_slice(&bytes[..count]);
        self.end += count as u64;
        if self.tail.len() == self.part_size {
            self.send_tail().await?;
        }
        Ok(count)
    }

    /// Overwrites bytes that are in memory, and returns how many.
    fn overwrite(&mut self, at: u64, bytes: &[u8]) -> Result<usize, AssemblyError> {
        let tail_at = self.end - self.tail.len() as u64;
        let (part, first) = if at < self.head.len() as u64 {
            (&mut self.head, at)
        } else if (tail_at..self.end).contains(&at) {
            (&mut self.tail, at - tail_at)
        } else {
            return Err(AssemblyError::Position { at });
        };
        let first = usize::try_from(first).map_err(|_| AssemblyError::Position { at })?;
        let count = bytes.len().min(part.len() - first);
        part[first..first + count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    async fn send_tail(&mut self) -> Result<(), AssemblyError> {
        let part = std::mem::take(&mut self.tail).freeze();
        self.sent += 1;
        self.send(self.sent + 1, part).await
    }

    /// Starts to store a part, after waiting for an earlier one if too many are being stored.
    async fn send(&mut self, number: u64, bytes: Bytes) -> Result<(), AssemblyError> {
        if number > self.store.max_parts() {
            return Err(AssemblyError::Size(self.store.max_parts().saturating_mul(self.part_size as u64)));
        }
        while self.storing.len() >= MAX_STORING {
            if let Some(stored) = self.storing.join_next().await {
                stored.map_err(StoreError::from)??;
            }
        }
        let store = self.store.clone();
        self.storing.spawn(async move { store.put(number, bytes).await });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Debug, Default)]
    struct Memory {
        parts: Arc<Mutex<BTreeMap<u64, Bytes>>>,
        max: u64,
    }

    impl PartStore for Memory {
        fn max_parts(&self) -> u64 {
            self.max
        }

        async fn put(&self, number: u64, bytes: Bytes) -> Result<(), StoreError> {
            assert!(
                self.parts.lock().unwrap().insert(number, bytes).is_none(),
                "part {number} is stored once"
            );
            Ok(())
        }
    }

    impl Memory {
        fn whole(&self) -> Vec<u8> {
            self.parts.lock().unwrap().values().flat_map(|part| part.to_vec()).collect()
        }
    }

    #[tokio::test]
    async fn the_parts_are_what_a_file_would_be() {
        for round in 0..200 {
            let (store, mut file) = (Memory { max: 1000, ..Memory::default() }, Vec::new());
            let mut assembly = Assembly::new(store.clone(), 16);
            for _ in 0..round {
                let bytes: Vec<u8> = (0..fastrand::usize(1..40)).map(|_| fastrand::u8(..)).collect();
                let at = if fastrand::bool() { file.len() } else { fastrand::usize(0..=file.len().min(15)) };
                // Beyond the first part, only what is not stored yet can be written again.
                let bytes = if at < file.len() {
                    &bytes[..bytes.len().min(file.len().min(16) - at)]
                } else {
                    &bytes[..]
                };
                assembly.write(at as u64, bytes).await.unwrap();
                file.resize(file.len().max(at + bytes.len()), 0);
                file[at..at + bytes.len()].copy_from_slice(bytes);
            }
            let assembled = assembly.finish().await.unwrap();
            assert_eq!(store.whole(), file);
            let parts = file.len().div_ceil(16).max(1) as u64;
            assert_eq!(assembled, Assembled { parts, size: file.len() as u64 });
        }
    }

    #[tokio::test]
    async fn a_write_into_a_stored_part_or_beyond_the_end_is_refused() {
        let mut assembly = Assembly::new(Memory { max: 9, ..Memory::default() }, 4);
        assembly.write(0, b"0123456789").await.unwrap();
        assembly.write(8, b"AB").await.unwrap();
        for at in [4, 7, 11] {
            let refused = assembly.write(at, b"x").await;
            assert!(
                matches!(refused, Err(AssemblyError::Position { at: found }) if found == at),
                "{refused:?}"
            );
        }
    }

    #[tokio::test]
    async fn more_parts_than_urls_are_refused() {
        let mut assembly = Assembly::new(Memory { max: 2, ..Memory::default() }, 4);
        assembly.write(0, b"01234567").await.unwrap();
        let refused = assembly.write(8, b"0123").await;
        assert!(matches!(refused, Err(AssemblyError::Size(8))), "{refused:?}");
    }
}
