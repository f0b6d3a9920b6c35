//! Documents that hold each other's goods: a requisition and the purchase orders that it became ship once between them.

use std::collections::BTreeSet;

use crate::domain::{ConnectionId, DocumentId, Order, Units};
use crate::ports::{Documents, StoreError};

/// The units of the documents that some orders came from, and of those that came from them. They are read after the orders: what
/// takes goods over is stored only if the units of the earlier document still stand as they were read here.
///
/// # Errors
/// When the store fails.
pub async fn of(
    documents: &dyn Documents,
    connection: &ConnectionId,
    units: &[Units],
    orders: &[Order],
) -> Result<Vec<Units>, StoreError> {
    let origins: BTreeSet<&DocumentId> = orders.iter().flat_map(Order::origins).collect();
    let heirs = units.iter().flat_map(Units::heirs);
    let asked: Vec<DocumentId> = origins
        .iter()
        .copied()
        .chain(heirs)
        .cloned()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let mut kin = documents.units(connection, &asked).await?;
    let siblings: BTreeSet<DocumentId> = kin.iter().flat_map(Units::heirs).cloned().collect();
    let more: Vec<DocumentId> = siblings
        .into_iter()
        .filter(|document| !asked.contains(document))
        .collect();
    if !more.is_empty() {
        kin.extend(documents.units(connection, &more).await?);
    }
    Ok(kin)
}
