//! The part of an order that one unit ships, and the snapshot of it that a purchase rests on.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    Address, ContentHash, Despatch, DespatchLine, Dimensions, DocumentId, LineId, LocationId, Money, Order, OrderLine,
    Quantities, ShipMethod, Standing, Supplier, Weight,
};

/// What one unit ships: everything of the order that decides the parcel, the address, the papers and the price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Consignment {
    /// The document.
    pub document: DocumentId,
    /// The number that people know.
    pub number: String,
    /// The customer's own number for it.
    pub customer_reference: Option<String>,
    /// How it asks to be shipped.
    pub ship_method: Option<ShipMethod>,
    /// Where it goes.
    pub ship_to: Address,
    /// Where it leaves.
    pub location: Option<LocationId>,
    /// Where the invoice goes, where the ERP says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill_to: Option<Address>,
    /// Who sells the goods; `None` for our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<Supplier>,
    /// What it ships, in the order's order.
    pub lines: Vec<ConsignmentLine>,
}

/// One line of a consignment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConsignmentLine {
    /// The order's line.
    pub line: LineId,
    /// What a person orders it by.
    pub sku: String,
    /// What it is, in words.
    pub description: Option<String>,
    /// How many ship.
    pub quantity: Decimal,
    /// The weight of one.
    pub weight: Option<Weight>,
    /// The price of one.
    pub unit_price: Option<Money>,
    /// Where it was made, ISO 3166-1 alpha-2.
    pub origin_country: Option<String>,
    /// The tariff code.
    pub tariff_code: Option<String>,
    /// The outer size of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<Dimensions>,
    /// Who bears the cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_centre: Option<String>,
    /// Why it cannot ship as it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flaw: Option<String>,
}

impl ConsignmentLine {
    fn of(line: &OrderLine, quantity: Decimal) -> Self {
        Self {
            line: line.id.clone(),
            sku: line.sku.clone(),
            description: line.description.clone(),
            quantity: quantity.normalize(),
            weight: line.weight,
            unit_price: line.unit_price.clone(),
            origin_country: line.origin_country.clone(),
            tariff_code: line.tariff_code.clone(),
            dimensions: line.dimensions,
            cost_centre: line.cost_centre.clone(),
            flaw: line.flaw.clone(),
        }
    }
}

/// Why a unit has nothing left to ship.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gone {
    /// The order was cancelled.
    Cancelled,
    /// The order was closed.
    Closed,
    /// Somebody else fulfilled it, or its lines were taken away.
    Fulfilled,
    /// Its lines no longer leave one place for one address; new units will take them.
    Divided,
    /// The order no longer is one that this connection ships; the reason in plain words.
    Unselected(String),
}

impl Consignment {
    /// The part of `order` that a unit with these `quantities` still ships when older units go first.
    pub fn of(order: &Order, quantities: &Quantities, ahead: &Quantities) -> Result<Self, Gone> {
        match &order.standing {
            Standing::Ready => {}
            Standing::Waiting(reason) => return Err(Gone::Unselected(reason.clone())),
            Standing::Cancelled => return Err(Gone::Cancelled),
            Standing::Closed => return Err(Gone::Closed),
        }
        let still = |id: &LineId, allotted: &Decimal| {
            let line = order.line(id)?;
            let left = line.remaining() - ahead.get(id).copied().unwrap_or_default();
            (left > Decimal::ZERO).then(|| (line, left.min(*allotted)))
        };
        let kept: Vec<_> = quantities
            .iter()
            .filter_map(|(id, allotted)| still(id, allotted))
            .collect();
        let Some((first, _)) = kept.first() else {
            return Err(Gone::Fulfilled);
        };
        let places: BTreeSet<_> = kept
            .iter()
            .map(|(line, _)| (line.location.as_ref(), order.ship_to_of(line)))
            .collect();
        if places.len() > 1 {
            return Err(Gone::Divided);
        }
        Ok(Self {
            document: order.document.clone(),
            number: order.number.clone(),
            customer_reference: order.customer_reference.clone(),
            ship_method: order.ship_method.clone(),
            ship_to: order.ship_to_of(first).clone(),
            location: first.location.clone(),
            bill_to: order.bill_to.clone(),
            supplier: order.supplier.clone(),
            lines: kept
                .into_iter()
                .map(|(line, quantity)| ConsignmentLine::of(line, quantity))
                .collect(),
        })
    }

    /// What people shipped of `order` themselves: these quantities of its lines, from wherever they were.
    pub fn despatched(order: &Order, quantities: &Quantities) -> Self {
        let shipped = |line: &OrderLine| Some(ConsignmentLine::of(line, *quantities.get(&line.id)?));
        let lines: Vec<&OrderLine> = order
            .lines
            .iter()
            .filter(|line| quantities.contains_key(&line.id))
            .collect();
        let places: BTreeSet<_> = lines.iter().map(|line| line.location.as_ref()).collect();
        let location = places.first().filter(|_| places.len() == 1).copied().flatten();
        let ship_to = lines.first().map_or(&order.ship_to, |line| order.ship_to_of(line));
        Self {
            document: order.document.clone(),
            number: order.number.clone(),
            customer_reference: order.customer_reference.clone(),
            ship_method: order.ship_method.clone(),
            ship_to: ship_to.clone(),
            location: location.cloned(),
            bill_to: order.bill_to.clone(),
            supplier: order.supplier.clone(),
            lines: lines.into_iter().filter_map(shipped).collect(),
        }
    }

    /// What people shipped of an order that is not known, as the desk tells it.
    pub fn of_despatch(despatch: &Despatch) -> Self {
        let line = |(index, line): (usize, &DespatchLine)| ConsignmentLine {
            line: LineId::new(line.key.clone().unwrap_or_else(|| (index + 1).to_string())),
            sku: line.sku.clone(),
            description: line.name.clone(),
            quantity: line.quantity.normalize(),
            weight: None,
            unit_price: None,
            origin_country: None,
            tariff_code: None,
            dimensions: None,
            cost_centre: None,
            flaw: None,
        };
        Self {
            document: despatch.document(),
            number: despatch.order.name().to_owned(),
            customer_reference: None,
            ship_method: None,
            ship_to: despatch.ship_to.clone().unwrap_or_default(),
            location: None,
            bill_to: None,
            supplier: None,
            lines: despatch.lines.iter().flatten().enumerate().map(line).collect(),
        }
    }

    /// What a unit with these `quantities` would ship of `order` as it stands now, whatever has been fulfilled; `None` if the order
    /// does not ask for that any more.
    pub fn as_shipped(order: &Order, quantities: &Quantities) -> Option<Self> {
        let mut whole = order.clone();
        for line in &mut whole.lines {
            line.fulfilled = Decimal::ZERO;
            line.shippable = true;
        }
        if whole.standing == Standing::Closed || matches!(whole.standing, Standing::Waiting(_)) {
            whole.standing = Standing::Ready;
        }
        let asked = Self::of(&whole, quantities, &Quantities::new()).ok()?;
        (asked.quantities() == *quantities).then_some(asked)
    }

    /// The digest of what it ships to whom, without what only weighs, prices or explains.
    pub fn terms(&self) -> ContentHash {
        let lines = self.lines.iter().map(|line| (&line.line, line.quantity.normalize()));
        let terms = (self.ship_to.folded(), lines.collect::<Vec<_>>());
        ContentHash::of(serde_json::to_string(&terms).unwrap_or_default().as_bytes())
    }

    /// Why it cannot ship as it stands, for each line that cannot.
    pub fn flaws(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| line.flaw.as_deref())
    }

    /// What it ships, by line.
    pub fn quantities(&self) -> Quantities {
        self.lines
            .iter()
            .map(|line| (line.line.clone(), line.quantity))
            .collect()
    }

    /// The digest of everything that decides what ships. Our own writes to the ERP change nothing of it.
    pub fn content_hash(&self) -> ContentHash {
        ContentHash::of(serde_json::to_string(self).unwrap_or_default().as_bytes())
    }
}

/// An immutable reading of a unit's consignment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Counted from 1 within the job.
    pub number: u32,
    /// The digest of the consignment.
    pub hash: ContentHash,
    /// When the ERP was asked, by the clock that stamps intents.
    pub read_at: Timestamp,
    /// What was read.
    pub consignment: Consignment,
}

impl Snapshot {
    /// A reading of `consignment` taken at `read_at`.
    pub fn new(number: u32, read_at: Timestamp, consignment: Consignment) -> Self {
        Self {
            number,
            hash: consignment.content_hash(),
            read_at,
            consignment,
        }
    }
}
