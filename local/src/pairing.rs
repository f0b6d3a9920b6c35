//! A pairing of the demo: a simulated ERP that ships with a carrier, its people, and what its books show.
//!
//! Every pairing looks the same from here: orders are entered, people act on them while the work goes on, and the ERP's own
//! books say what came of each document. A further ERP is a file beside these and a [`Name`].

mod fusion;
mod netsuite;
mod netsuite_fedex;
mod netsuite_shipstation;
mod peoplesoft;

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum;
use serde_json::Value;
use simulators::server::Serving;
use waybill::domain::DocumentId;

use crate::books::Shown;
use crate::carrier::{Books, Carrier, Running};
use crate::failure::Outcome;
pub(crate) use netsuite_shipstation::PRODUCTS;

/// Which pairing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Name {
    /// NetSuite sales orders.
    #[value(name = "netsuite-ups")]
    NetSuite,
    /// Oracle Fusion purchase orders.
    #[value(name = "fusion-ups")]
    Fusion,
    /// PeopleSoft purchase orders and requisitions.
    #[value(name = "peoplesoft-ups")]
    PeopleSoft,
    /// What people mark as shipped in another NetSuite account.
    #[value(name = "netsuite-fedex")]
    NetSuiteFedEx,
    /// What people ship in ShipStation, of a third NetSuite account.
    #[value(name = "netsuite-shipstation")]
    NetSuiteShipStation,
}

impl Name {
    /// All of them, as they are shown.
    pub const ALL: [Self; 5] = [
        Self::NetSuite,
        Self::Fusion,
        Self::PeopleSoft,
        Self::NetSuiteFedEx,
        Self::NetSuiteShipStation,
    ];

    /// The name of its totals, and of its connection's file.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::NetSuite => "netsuite-ups",
            Self::Fusion => "fusion-ups",
            Self::PeopleSoft => "peoplesoft-ups",
            Self::NetSuiteFedEx => "netsuite-fedex",
            Self::NetSuiteShipStation => "netsuite-shipstation",
        }
    }

    /// Its connection's id.
    #[must_use]
    pub fn connection(self) -> &'static str {
        match self {
            Self::NetSuite => "acme-netsuite-ups",
            Self::Fusion => "acme-fusion-ups",
            Self::PeopleSoft => "acme-peoplesoft-ups",
            Self::NetSuiteFedEx => "acme-netsuite-fedex",
            Self::NetSuiteShipStation => "acme-netsuite-shipstation",
        }
    }

    /// The ERP's own installation, as its secret and its address are named: each pairing has one to itself.
    #[must_use]
    pub fn installation(self) -> &'static str {
        match self {
            Self::NetSuite => "netsuite",
            Self::Fusion => "fusion",
            Self::PeopleSoft => "peoplesoft",
            Self::NetSuiteFedEx => "netsuite-fedex",
            Self::NetSuiteShipStation => "netsuite-shipstation",
        }
    }

    /// Who carries its goods.
    #[must_use]
    pub fn carrier(self) -> Carrier {
        match self {
            Self::NetSuite | Self::Fusion | Self::PeopleSoft => Carrier::Ups,
            Self::NetSuiteFedEx => Carrier::FedEx,
            Self::NetSuiteShipStation => Carrier::ShipStation,
        }
    }

    /// The ERP as people name it.
    #[must_use]
    pub fn erp(self) -> &'static str {
        match self {
            Self::NetSuite | Self::NetSuiteFedEx | Self::NetSuiteShipStation => "NetSuite",
            Self::Fusion => "Fusion",
            Self::PeopleSoft => "PeopleSoft",
        }
    }

    /// Its two systems in words.
    #[must_use]
    pub fn words(self) -> String {
        format!("{} and {}", self.erp(), self.carrier().words())
    }

    /// Who receives the document that is cancelled, or where, as FedEx's rates know no more: the carrier has a bad minute for these
    /// rates, so that it waits meanwhile.
    #[must_use]
    pub fn unlucky(self) -> &'static str {
        match self {
            Self::NetSuite => "Second Thoughts Ltd",
            Self::Fusion => "Second Thoughts Yard",
            Self::PeopleSoft => "Second Thoughts Depot",
            Self::NetSuiteFedEx => "Truth or Consequences",
            Self::NetSuiteShipStation => "nobody: people buy its labels themselves",
        }
    }
}

/// A simulated ERP that runs, with its people.
pub trait Pairing {
    /// Which pairing it is.
    fn name(&self) -> Name;

    /// Where the ERP answers.
    fn url(&self) -> &str;

    /// The ERP's credentials.
    fn secret(&self) -> Value;

    /// The tokens that the ERP has given out.
    fn tokens(&self) -> Vec<String>;

    /// Whatever says who receives, and where, of all that people have entered: names, streets, phones, mail addresses.
    fn people(&self) -> BTreeSet<String>;

    /// People enter `count` documents that are to ship, and what is not ours beside them.
    ///
    /// # Errors
    /// The ERP refuses a document.
    fn enter(&mut self, count: usize, seed: u64) -> Outcome<()>;

    /// Does what people would do by now, each thing once; says whether anything was done.
    ///
    /// # Errors
    /// The ERP refuses it.
    fn act(&mut self, carrier: &Running) -> Outcome<bool>;

    /// What the ERP's books show of each document that is to ship.
    fn shown(&self) -> Vec<Shown>;

    /// What the ERP holds twice of what was written to it once.
    fn written_twice(&self) -> usize;

    /// Documents whose goods travel already, under another document's shipment: a shipment of their own is a second one.
    fn shipped_elsewhere(&self) -> Vec<DocumentId>;

    /// Documents that another carrier brings: nothing of them may ship.
    fn of_other_carriers(&self) -> Vec<DocumentId>;

    /// Documents that ship without more ado.
    fn plain(&self) -> Vec<DocumentId>;

    /// Under which numbers documents leave at a desk where people ship, and which each means.
    fn leaves_as(&self) -> BTreeMap<String, DocumentId> {
        BTreeMap::new()
    }

    /// What left a desk under a number that the ERP does not know, and the number that is meant.
    fn meant(&self) -> Option<(&str, &str)> {
        None
    }

    /// People count stock anew, where a desk is told of it.
    fn move_stock(&mut self) {}

    /// What the desk shows otherwise than the ERP, in words.
    fn out_of_step(&self, _carrier: &Running) -> Vec<String> {
        Vec::new()
    }

    /// Links that open the labels of what has shipped, where the ERP shows any.
    fn label_links(&self) -> Vec<String> {
        Vec::new()
    }

    /// A person has voided what was bought for this document, so that it ships anew: its hold is over.
    fn ships_anew(&mut self, _document: &DocumentId) {}

    /// How a person puts right one of the documents that are held; `None` where none is.
    fn correction(&self) -> Option<Correction>;

    /// The server, to be stopped.
    fn end(self: Box<Self>) -> Serving;
}

/// How a person puts a held document right, by the simulator's own control routes.
#[derive(Debug, Clone, PartialEq)]
pub struct Correction {
    /// The document's number.
    pub number: String,
    /// What holds it.
    pub held_for: &'static str,
    /// The body for `/_control/act`.
    pub act: Value,
}

/// Starts the simulator of a pairing on any free port, with the user of the connection registered.
///
/// # Errors
/// No port can be listened on, or no key can be made.
pub async fn start(name: Name) -> Outcome<Box<dyn Pairing>> {
    Ok(match name {
        Name::NetSuite => Box::new(netsuite::NetSuite::start().await?),
        Name::Fusion => Box::new(fusion::Fusion::start().await?),
        Name::PeopleSoft => Box::new(peoplesoft::PeopleSoft::start().await?),
        Name::NetSuiteFedEx => Box::new(netsuite_fedex::NetSuite::start().await?),
        Name::NetSuiteShipStation => Box::new(netsuite_shipstation::NetSuite::start().await?),
    })
}

/// How many of `orders` documents each of `pairings` enters: the same number, and the remainder goes to the first.
#[must_use]
pub fn share(orders: usize, pairings: usize) -> Vec<usize> {
    let each = orders.checked_div(pairings).unwrap_or_default();
    let rest = orders.checked_rem(pairings).unwrap_or_default();
    (0..pairings)
        .map(|index| if index == 0 { each + rest } else { each })
        .collect()
}

/// How many shipments the carrier has for these documents under a connection, voided ones aside.
#[must_use]
pub fn shipped(name: Name, documents: &[DocumentId], carrier: &Books) -> usize {
    let of = |document: &DocumentId| crate::books::shipments(name, document, carrier).len();
    documents.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_shared_out_and_none_is_lost() {
        assert_eq!(share(36, 3), [12, 12, 12]);
        assert_eq!(share(40, 3), [14, 13, 13]);
        assert_eq!(share(25, 1), [25]);
        assert_eq!(share(2, 3), [2, 0, 0]);
        assert!(share(5, 0).is_empty());
    }

    /// Everything that people enter waits, and what another carrier brings stands beside it.
    #[tokio::test]
    async fn people_enter_as_many_documents_as_are_to_ship() {
        for (name, others) in Name::ALL.into_iter().zip([0, 1, 1, 1, 0]) {
            let carrier = Running::start(name.carrier(), 0).await.unwrap();
            let mut pairing = start(name).await.unwrap();
            pairing.enter(12, 7).unwrap();
            let books = carrier.books(&BTreeMap::new());
            let told = crate::books::told(pairing.as_ref(), &books, jiff::Timestamp::now());
            assert_eq!(told.rows.len(), 12, "{name:?}");
            assert!(
                told.rows
                    .iter()
                    .all(|row| row.end == crate::books::End::Underway && !row.number.is_empty())
            );
            assert_eq!(told.duplicates, 0);
            assert_eq!(pairing.of_other_carriers().len(), others);
            assert!(pairing.shipped_elsewhere().is_empty());
            assert!(pairing.plain().len() > 1);
            assert!(
                pairing.shown().iter().all(|shown| shown.consignments >= 1),
                "{:?}",
                pairing.shown()
            );
            assert_eq!(pairing.correction().is_some(), name != Name::NetSuiteShipStation);
            assert!(!pairing.act(&carrier).unwrap(), "nobody has a reason to act yet");
            assert!(!crate::mishaps::was_rated(&carrier, name));
            pairing.end().stop().await;
            carrier.stop().await;
        }
    }

    #[test]
    fn a_pairing_has_the_same_name_everywhere() {
        for name in Name::ALL {
            let value = name.to_possible_value().map(|value| value.get_name().to_owned());
            assert_eq!(value.as_deref(), Some(name.id()));
            assert_eq!(name.connection(), format!("acme-{}", name.id()));
            assert!(name.id().starts_with(name.installation()));
        }
    }
}
