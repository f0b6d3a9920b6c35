//! What a connection would do at whose desk people ship, if it were started now: what they have shipped since `start_from` and of
//! which order it would become a part, how much stock and how many open orders would be told. Nothing is written, at either side or
//! here.
//!
//! What is in a despatch is compared with its order only when it is admitted: here it is told by its name alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::connection::Connection;
use crate::domain::{Despatch, DespatchStanding, Stretch, Units};
use crate::ports::{CallError, Clock, Desk, Despatched, Documents, Meant, Opened, StoreError, Systems};

/// How many levels are asked for at a time, and how many open orders.
const LEVELS: u16 = 500;
const ORDERS: u16 = 100;

/// How many pages are counted through.
const MOST_PAGES: usize = 40;

/// The ports that planning needs.
#[derive(Clone)]
pub struct DeskPlan {
    /// Both sides.
    pub systems: Arc<dyn Systems>,
    /// What is known here of despatches.
    pub documents: Arc<dyn Documents>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedAtDesk {
    /// What people shipped, in the desk's own order.
    pub despatches: Vec<PlannedDespatch>,
    /// Why there may be more than these.
    pub more: Option<String>,
    /// Levels of stock that would be told, where stock is; unless the ERP refuses.
    pub stock: Option<Count>,
    /// Open orders that would be told, or made, where customers are.
    pub orders: Option<Count>,
}

/// Something that people shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedDespatch {
    /// What it is, in a few words.
    pub despatch: String,
    /// The number under which the desk shipped it.
    pub order: String,
    /// When the desk made it.
    pub made: Timestamp,
    /// What would become of it.
    pub becomes: String,
}

/// How many there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Those that would be told.
    pub told: u64,
    /// Those that would not: they lie in places that the connection does not name.
    pub elsewhere: u64,
    /// Why there may be more, or none could be counted.
    pub more: Option<String>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Nobody ships at a desk.
    #[error("nobody ships at a desk for {0}")]
    NoDesk(String),
    /// A side could not be asked.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DeskPlan {
    /// The first `most` despatches since the connection's `start_from`, and what else there is to tell.
    ///
    /// # Errors
    /// When a side cannot be opened, or the store fails. What a side does not tell is told as that.
    pub async fn run(&self, connection: &Connection, most: usize) -> Result<PlannedAtDesk, PlanError> {
        let systems = self.systems.open(connection).await?;
        let planned = match &systems.desk {
            Some(desk) => self.plan(connection, &systems, desk, most).await,
            None => Err(PlanError::NoDesk(connection.id.to_string())),
        };
        systems.close().await;
        planned
    }

    async fn plan(
        &self,
        connection: &Connection,
        systems: &Opened,
        desk: &Desk,
        most: usize,
    ) -> Result<PlannedAtDesk, PlanError> {
        let (despatches, more) = self.despatches(connection, desk, most).await?;
        systems.close().await;
        let stock = match &connection.stock {
            Some(_) => Some(count_levels(connection, desk).await),
            None => None,
        };
        systems.close().await;
        let orders = match &connection.customers {
            Some(_) => Some(count_orders(connection, desk).await),
            None => None,
        };
        Ok(PlannedAtDesk {
            despatches,
            more,
            stock,
            orders,
        })
    }

    async fn despatches(
        &self,
        connection: &Connection,
        desk: &Desk,
        most: usize,
    ) -> Result<(Vec<PlannedDespatch>, Option<String>), PlanError> {
        let now = self.clock.now();
        let asked = Despatched::Made(Stretch {
            from: connection.start_from.min(now),
            to: now,
        });
        let (mut planned, mut page, mut told_of) = (Vec::new(), None, BTreeSet::new());
        loop {
            let told = match desk.desk.despatched(asked, page.as_deref()).await {
                Ok(told) => told,
                Err(error) => return Ok((planned, Some(error.to_string()))),
            };
            for despatch in &told.despatches {
                let despatch = match despatch.standing {
                    DespatchStanding::Shipped | DespatchStanding::Voided => match desk.desk.in_full(despatch).await {
                        Ok(full) => full,
                        Err(error) => return Ok((planned, Some(error.to_string()))),
                    },
                    _ => despatch.clone(),
                };
                // A desk may tell of one parcel twice, as a label and as the order's part that it was bought for.
                if !told_of.insert(despatch.id.clone()) {
                    continue;
                }
                if planned.len() == most {
                    return Ok((planned, Some(format!("only {most} are shown"))));
                }
                match self.becomes(connection, desk, &despatch).await? {
                    Ok(becomes) => planned.push(PlannedDespatch {
                        despatch: despatch.in_words(),
                        order: despatch.order.name().to_owned(),
                        made: despatch.created_at,
                        becomes,
                    }),
                    Err(error) => return Ok((planned, Some(error.to_string()))),
                }
            }
            page = told.next;
            if page.is_none() {
                return Ok((planned, None));
            }
        }
    }

    /// What would become of a despatch, in plain words.
    async fn becomes(
        &self,
        connection: &Connection,
        desk: &Desk,
        despatch: &Despatch,
    ) -> Result<Result<String, CallError>, StoreError> {
        match &despatch.standing {
            DespatchStanding::Shipped => {}
            DespatchStanding::Voided => return Ok(Ok("nothing: it is void".to_owned())),
            DespatchStanding::Pending(word) => {
                return Ok(Ok(format!("nothing yet: the desk is at work on it ({word})")));
            }
            DespatchStanding::Beside(why) => return Ok(Ok(format!("nothing: {why}"))),
        }
        if !is_of_own_store(connection, despatch) {
            return Ok(Ok(
                "nothing: it is of a store that the connection does not name".to_owned()
            ));
        }
        let names: Vec<_> = std::iter::once(despatch.document()).chain(despatch.parcels()).collect();
        let known = self.documents.units(&connection.id, &names).await?;
        if known.iter().any(is_known) {
            return Ok(Ok("nothing more: it is known".to_owned()));
        }
        Ok(desk.source.meant(&despatch.order).await.map(|meant| in_words(&meant)))
    }
}

fn is_of_own_store(connection: &Connection, despatch: &Despatch) -> bool {
    let stores = connection.desk.as_ref().map_or(&[][..], |desk| &desk.stores);
    let own = |store: &String| stores.contains(store);
    stores.is_empty() || despatch.order.store.as_ref().is_none_or(own)
}

fn is_known(units: &Units) -> bool {
    units.version > 0
}

fn in_words(meant: &[Meant]) -> String {
    match meant {
        [] => "it is parked: the ERP has no order of that name".to_owned(),
        [one] => format!("a unit of {}, found by {}", one.number, one.by),
        several => {
            let numbers: Vec<&str> = several.iter().map(|one| one.number.as_str()).collect();
            format!("it is parked: it may mean {}", numbers.join(" or "))
        }
    }
}

/// How many levels lie in places that the desk knows.
async fn count_levels(connection: &Connection, desk: &Desk) -> Count {
    let mut count = Count {
        told: 0,
        elsewhere: 0,
        more: None,
    };
    let Some(policy) = &connection.stock else { return count };
    let mut after = None;
    for _ in 0..MOST_PAGES {
        let levels = match desk.source.levels(after.as_ref(), LEVELS).await {
            Ok(levels) => levels,
            Err(error) => return count.and_more(error.to_string()),
        };
        for level in &levels {
            match policy.places.contains_key(&level.location()) {
                true => count.told += 1,
                false => count.elsewhere += 1,
            }
        }
        if levels.len() < usize::from(LEVELS) {
            return count;
        }
        after = levels.last().map(|level| level.key.clone());
    }
    count.and_more("there are more".to_owned())
}

/// How many open orders changed since the connection's beginning.
async fn count_orders(connection: &Connection, desk: &Desk) -> Count {
    let mut count = Count {
        told: 0,
        elsewhere: 0,
        more: None,
    };
    let mut after: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let page = desk
            .source
            .open_orders(connection.start_from, after.as_deref(), ORDERS)
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) => return count.and_more(error.to_string()),
        };
        let open = page.orders.iter().filter(|order| order.open).count();
        count.told += u64::try_from(open).unwrap_or(u64::MAX);
        after = page.next;
        if after.is_none() {
            return count;
        }
    }
    count.and_more("there are more".to_owned())
}

impl Count {
    fn and_more(self, why: String) -> Self {
        Self {
            more: Some(why),
            ..self
        }
    }
}
