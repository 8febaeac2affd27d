use files_domain::{
    Authority, CheckKey, Detail, File, FileId, FindFile, ListFiles, Page, PageOrder, PageRequest, StoreError,
};

use crate::Memory;

impl CheckKey for Memory {
    async fn check_key(&self, access: &Authority) -> Result<(), StoreError> {
        self.lock().check(access)
    }

    async fn check_key_now(&self, access: &Authority) -> Result<(), StoreError> {
        self.check_key(access).await
    }
}

impl FindFile for Memory {
    async fn find_file(&self, access: &Authority, id: FileId) -> Result<File, StoreError> {
        Ok(self.find_file_with_detail(access, id).await?.0)
    }

    async fn find_file_with_detail(
        &self,
        access: &Authority,
        id: FileId,
    ) -> Result<(File, Detail), StoreError> {
        let mut state = self.lock();
        state.check(access)?;
        let found = state.owner(access.owner()).files.get(&id);
        found.filter(|(file, _)| !file.has_expired(access.now)).cloned().ok_or(StoreError::NotFound)
    }
}

impl ListFiles for Memory {
    /// Reads `limit` files, whatever the filter, so that whoever calls meets pages that hold fewer, or none.
    async fn list_files(&self, access: &Authority, page: PageRequest) -> Result<Page, StoreError> {
        let mut state = self.lock();
        state.check(access)?;
        let all = state.owner(access.owner()).files.values().map(|(file, _)| file);
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let read: Vec<&File> = match page.order {
            PageOrder::Ascending => {
                all.filter(|file| page.after.is_none_or(|after| file.id > after)).take(limit).collect()
            }
            PageOrder::Descending => {
                all.rev().filter(|file| page.after.is_none_or(|after| file.id < after)).take(limit).collect()
            }
        };
        let next = read.last().filter(|_| read.len() == limit).map(|file| file.id);
        let shown = |file: &&File| page.filter.shows(file) && !file.has_expired(access.now);
        Ok(Page { files: read.into_iter().filter(shown).cloned().collect(), next })
    }
}
