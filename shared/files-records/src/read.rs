use std::collections::HashMap;

use files_domain::{Authority, Detail, File, FileId, FindFile, Scope, StoreError};

use crate::Records;
use crate::batch::{self, ByTable};
use crate::error::corrupt;
use crate::item::{Item, detail_from_item, detail_sk, file_from_item, file_sk, owner_pk, primary_key};

impl FindFile for Records {
    async fn find_file(&self, access: &Authority, id: FileId) -> Result<File, StoreError> {
        Ok(self.find(access, id, false).await?.0)
    }

    async fn find_file_with_detail(
        &self,
        access: &Authority,
        id: FileId,
    ) -> Result<(File, Detail), StoreError> {
        self.find(access, id, true).await
    }
}

impl Records {
    /// Reads the summary, the detail if it is wanted, and the key unless it has been checked, by one consistent
    /// `BatchGetItem`.
    async fn find(&self, access: &Authority, id: FileId, detail: bool) -> Result<(File, Detail), StoreError> {
        let with_key = self.has_key_to_check(access).await?;
        let owner_pk = owner_pk(access.owner());
        let mut keys = vec![primary_key(&owner_pk, file_sk(id))];
        if detail {
            keys.push(primary_key(&owner_pk, detail_sk(id)));
        }
        let mut wanted = ByTable::from([(self.table.clone(), keys)]);
        if with_key {
            let (table, key) = self.keys()?.place(access);
            wanted.insert(table.to_owned(), vec![key]);
        }
        let mut read = batch::read(&self.client, wanted).await?;
        if with_key {
            let (table, _) = self.keys()?.place(access);
            let key = read.remove(table).and_then(|mut items| items.pop());
            self.keys()?.judge_item(access, key)?;
        }
        let mut found = by_sort_key(read.remove(&self.table))?;
        let file = found.remove(&file_sk(id)).map(file_from_item).transpose()?;
        let file = file.filter(|file| !file.has_expired(access.now)).ok_or(StoreError::NotFound)?;
        Ok((file, detail_from_item(found.remove(&detail_sk(id)))?))
    }

    /// Whether the key is to be read together with the file. For reading, it is unless it is remembered. For all else a
    /// key that is not remembered is checked here, alone, so that a bad one reads nothing of the owner it names; a
    /// remembered one is read again, as it may have been revoked.
    async fn has_key_to_check(&self, access: &Authority) -> Result<bool, StoreError> {
        let keys = self.keys()?;
        match (keys.is_remembered(access)?, access.scope) {
            (remembered, Scope::Read) => Ok(!remembered),
            (true, _) => Ok(true),
            (false, _) => keys.read(access).await.map(|()| false),
        }
    }

    /// Reads items of the files table consistently. By sort key.
    pub(crate) async fn read_all(&self, keys: Vec<Item>) -> Result<HashMap<String, Item>, StoreError> {
        let mut read = batch::read(&self.client, ByTable::from([(self.table.clone(), keys)])).await?;
        by_sort_key(read.remove(&self.table))
    }
}

fn by_sort_key(items: Option<Vec<Item>>) -> Result<HashMap<String, Item>, StoreError> {
    let keyed = |item: Item| {
        let sk = item.get("sk").and_then(|sk| sk.as_s().ok()).cloned();
        Ok((sk.ok_or_else(|| corrupt("an item without a sort key"))?, item))
    };
    items.unwrap_or_default().into_iter().map(keyed).collect()
}
