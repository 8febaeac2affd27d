//! Reads all files of a deployment, for the operator.

use files_domain::File;

use crate::attribute::{Item, text};
use crate::error::unavailable;
use crate::item::file_from_item;
use crate::keys::FILE_PREFIX;
use crate::{Records, RecordsError};

/// The position of a scan.
#[derive(Debug)]
pub struct ScanPosition(Item);

impl Records {
    /// Reads one page of the `success` files of all owners. Returns it and the position of the next one. The pages read the whole table
    /// (DynamoDB's `Scan`), so the cost grows with the table, not with the number of files found.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn scan_probed(
        &self,
        from: Option<ScanPosition>,
    ) -> Result<(Vec<File>, Option<ScanPosition>), RecordsError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .filter_expression("begins_with(sk, :file) AND #state = :stored")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":file", text(FILE_PREFIX))
            .expression_attribute_values(":stored", text("stored"))
            .set_exclusive_start_key(from.map(|position| position.0));
        let output = scan.send().await.map_err(unavailable)?;
        let files =
            output.items.unwrap_or_default().into_iter().map(file_from_item).collect::<Result<_, _>>()?;
        Ok((files, output.last_evaluated_key.map(ScanPosition)))
    }
}
