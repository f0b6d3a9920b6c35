//! A reading whose retention has ended: what the unit ships is still known by the document's units, the rest is read again.

use jiff::Timestamp;

use crate::domain::{Address, Consignment, ConsignmentLine, Quantities, Snapshot};
use crate::job::Job;
use crate::ports::{Documents, Jobs, StoreError};

/// A reading of the job. One that has expired comes back with the unit's quantities and nothing else, so old that it is read
/// again before anything is bought on it, and with a digest that no order has.
pub(crate) async fn reading_or_quantities(
    jobs: &dyn Jobs,
    documents: &dyn Documents,
    job: &Job,
    number: u32,
) -> Result<Snapshot, StoreError> {
    if let Some(snapshot) = jobs.snapshot(&job.id, number).await? {
        return Ok(snapshot);
    }
    let units = documents
        .units(&job.connection, std::slice::from_ref(&job.document))
        .await?;
    let mut units = units.iter().flat_map(|units| &units.units);
    let unit = units.find(|unit| unit.number == job.unit);
    let quantities = unit.map(|unit| &unit.quantities);
    let quantities = quantities.ok_or_else(|| StoreError(format!("the units of job {} are missing", job.id)))?;
    Ok(Snapshot::new(
        number,
        Timestamp::UNIX_EPOCH,
        remembered(job, quantities),
    ))
}

fn remembered(job: &Job, quantities: &Quantities) -> Consignment {
    let line = |(line, quantity): (&_, &rust_decimal::Decimal)| ConsignmentLine {
        line: Clone::clone(line),
        sku: String::new(),
        description: None,
        quantity: *quantity,
        weight: None,
        unit_price: None,
        origin_country: None,
        tariff_code: None,
        dimensions: None,
        cost_centre: None,
        flaw: None,
    };
    Consignment {
        document: job.document.clone(),
        number: job.number.clone(),
        customer_reference: None,
        ship_method: None,
        ship_to: Address::default(),
        location: None,
        bill_to: None,
        supplier: None,
        lines: quantities.iter().map(line).collect(),
    }
}
