//! What would ship if the connection were started now: nothing is stored and nothing is bought.

use std::sync::Arc;

use serde::Serialize;

use crate::connection::{Additions, Connection};
use crate::domain::{Consignment, DocumentId, Standing, Units, account_for};
use crate::flows::kin;
use crate::ports::{CallError, Documents, Opened, Scan, StoreError, Systems};

/// The ports that planning needs.
#[derive(Clone)]
pub struct Plan {
    /// ERPs.
    pub systems: Arc<dyn Systems>,
    /// Units.
    pub documents: Arc<dyn Documents>,
}

/// One document of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// The number that people know.
    pub number: String,
    /// How many units would ship.
    pub units: usize,
    /// How many parcels they would make.
    pub parcels: usize,
    /// Why it does not ship, or would be held.
    pub remarks: Vec<String>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The ERP could not be read.
    #[error("the ERP could not be read: {0}")]
    Call(#[from] CallError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const PAGE: u16 = 250;

impl Plan {
    /// The first `most` documents modified since the connection's `start_from`.
    pub async fn run(&self, connection: &Connection, most: usize) -> Result<Vec<Planned>, PlanError> {
        let systems = self.systems.open(connection).await?;
        let planned = self.documents_of(connection, &systems, most).await;
        systems.close().await;
        planned
    }

    async fn documents_of(
        &self,
        connection: &Connection,
        systems: &Opened,
        most: usize,
    ) -> Result<Vec<Planned>, PlanError> {
        let (mut planned, mut after) = (Vec::new(), None);
        while planned.len() < most {
            let scan = Scan {
                since: connection.start_from,
                after: after.clone(),
                limit: PAGE,
            };
            let heads = systems.source.changed(&scan).await?;
            let documents: Vec<DocumentId> = heads.iter().map(|head| head.document.clone()).collect();
            let units = self.documents.units(&connection.id, &documents).await?;
            let orders = systems.source.read(&documents).await?;
            let kin = kin::of(self.documents.as_ref(), &connection.id, &units, &orders).await?;
            for order in &orders {
                if let Some(units) = units.iter().find(|units| units.document == order.document) {
                    planned.extend(self.plan(connection, order, units, &kin));
                }
            }
            after = heads.last().map(|head| head.document.id.clone());
            if heads.len() < usize::from(PAGE) {
                break;
            }
        }
        planned.truncate(most);
        Ok(planned)
    }

    fn plan(
        &self,
        connection: &Connection,
        order: &crate::domain::Order,
        units: &Units,
        kin: &[Units],
    ) -> Option<Planned> {
        let mut planned = Planned {
            number: order.number.clone(),
            units: 0,
            parcels: 0,
            remarks: Vec::new(),
        };
        match &order.standing {
            Standing::Ready => {}
            Standing::Waiting(reason) => {
                planned.remarks.push(reason.clone());
                return Some(planned);
            }
            Standing::Cancelled | Standing::Closed => return None,
        }
        for allotment in units.allottable(order, &connection.accounts, kin) {
            let Ok(consignment) = Consignment::of(order, &allotment.quantities, &Default::default()) else {
                continue;
            };
            planned.units += 1;
            let added = units
                .additions(order)
                .iter()
                .any(|line| allotment.quantities.contains_key(*line));
            if added && connection.select.additions(order.document.kind) == Additions::Hold {
                planned
                    .remarks
                    .push("it asks for more than when a part of it was shipped: that is held".to_owned());
            }
            planned.remarks.extend(consignment.flaws().map(str::to_owned));
            let account = account_for(&connection.accounts, &consignment);
            planned.remarks.extend(account.err().map(|none| none.to_string()));
            planned
                .remarks
                .extend(connection.ship_from.for_goods_of(&consignment).err());
            match connection.packing.pack(&consignment) {
                Ok(parcels) => planned.parcels += parcels.len(),
                Err(error) => planned.remarks.push(error.to_string()),
            }
        }
        (planned.units > 0).then_some(planned)
    }
}
