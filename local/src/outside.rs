//! The simulated outside systems, on the machine's clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::books::{self, Told};
use crate::carrier::{Books, Carrier, EventKind, Left, Running};
use crate::failure::Outcome;
use crate::operator::MadeHook;
use crate::pairing::{self, Name, Pairing};

/// Simulated carriers and simulated ERPs that run.
pub struct Outside {
    /// The carriers that the pairings need.
    pub carriers: Vec<Running>,
    /// The ERPs with their people.
    pub pairings: Vec<Box<dyn Pairing>>,
}

impl Outside {
    /// Starts the ERPs of these pairings and their carriers, UPS and ShipStation on these ports (0 takes any free one).
    ///
    /// # Errors
    /// A port cannot be listened on, or no key can be made.
    pub async fn start(ups_port: u16, desk_port: u16, names: &[Name]) -> Outcome<Self> {
        let mut carriers = Vec::new();
        for which in names.iter().map(|name| name.carrier()).collect::<BTreeSet<_>>() {
            let port = match which {
                Carrier::Ups => ups_port,
                Carrier::ShipStation => desk_port,
                Carrier::FedEx => 0,
            };
            carriers.push(Running::start(which, port).await?);
        }
        let mut pairings = Vec::new();
        for name in names {
            pairings.push(pairing::start(*name).await?);
        }
        Ok(Self { carriers, pairings })
    }

    /// Has people enter so many documents, shared out evenly.
    ///
    /// # Errors
    /// An ERP refuses one.
    pub fn enter(&mut self, documents: usize, seed: u64) -> Outcome<()> {
        let shares = pairing::share(documents, self.pairings.len());
        let mut pairings = self.pairings.iter_mut().zip(shares);
        pairings.try_for_each(|(pairing, count)| pairing.enter(count, seed))
    }

    /// Has people do what they would do by now; says whether anything was done.
    ///
    /// # Errors
    /// An ERP refuses it.
    pub fn act(&mut self) -> Outcome<bool> {
        let mut acted = false;
        for pairing in &mut self.pairings {
            let which = pairing.name().carrier();
            for carrier in self.carriers.iter().filter(|carrier| carrier.which() == which) {
                acted |= pairing.act(carrier)?;
            }
        }
        Ok(acted)
    }

    /// What the books of all sides say.
    #[must_use]
    pub fn told(&self, began: Timestamp) -> Vec<Told> {
        let carriers = self.books();
        let pairings = self.pairings.iter();
        pairings
            .map(|pairing| books::told(pairing.as_ref(), of(&carriers, pairing.name()), began))
            .collect()
    }

    /// Pairings that have shipped what is not to ship.
    #[must_use]
    pub fn astray(&self) -> Vec<Name> {
        let carriers = self.books();
        let shipped = |pairing: &dyn Pairing| {
            let name = pairing.name();
            pairing::shipped(name, &pairing.of_other_carriers(), of(&carriers, name))
        };
        let astray = self.pairings.iter().filter(|pairing| shipped(pairing.as_ref()) > 0);
        astray.map(|pairing| pairing.name()).collect()
    }

    /// What each carrier has billed and not voided.
    fn books(&self) -> BTreeMap<Carrier, Books> {
        let left = self.left();
        let carriers = self.carriers.iter();
        carriers
            .map(|carrier| (carrier.which(), carrier.books(&left)))
            .collect()
    }

    /// What left a desk, by the number that it has there.
    fn left(&self) -> BTreeMap<String, Left> {
        let left = self.pairings.iter().flat_map(|pairing| {
            let connection = pairing.name().connection();
            let leaves = pairing.leaves_as().into_iter();
            leaves.map(move |(number, document)| (number, Left { connection, document }))
        });
        left.collect()
    }

    /// The pairings whose goods leave at a desk, each with the desk.
    pub fn desks(&mut self) -> impl Iterator<Item = (&mut Box<dyn Pairing>, &Running)> {
        let carriers = &self.carriers;
        self.pairings.iter_mut().filter_map(|pairing| {
            let which = pairing.name().carrier();
            let desk = carriers
                .iter()
                .find(|one| one.which() == which && one.desk().is_some())?;
            Some((pairing, desk))
        })
    }

    /// The parcels that travel, of each carrier.
    #[must_use]
    pub fn parcels(&self) -> BTreeMap<Carrier, Vec<String>> {
        let numbers = |books: Books| {
            let parcels = books.shipments.into_iter().flat_map(|one| one.parcels);
            parcels.map(|parcel| parcel.tracking_number).collect()
        };
        let books = self.books().into_iter();
        books.map(|(carrier, books)| (carrier, numbers(books))).collect()
    }

    /// Whether no job has two shipments, which a later look would find and void.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let books = self.books();
        let shipments = || {
            books
                .values()
                .flat_map(|books| books.shipments.iter().map(move |one| (books, one)))
        };
        let references =
            shipments().flat_map(|(books, one)| one.references.iter().map(move |reference| (books, reference)));
        let mut jobs = references.filter(|(_, reference)| reference.parse::<waybill::domain::JobId>().is_ok());
        jobs.all(|(books, reference)| books.extra(reference) == 0)
    }

    /// Lets this happen to a parcel, whoever carries it.
    pub fn happen(&self, number: &str, event: EventKind) {
        let _ = self.carriers.iter().any(|carrier| carrier.happen(number, event));
    }

    /// Carries every carrier's pushes, until the couriers are aborted.
    #[must_use]
    pub fn couriers(&self, every: Duration) -> Vec<JoinHandle<()>> {
        self.carriers.iter().map(|carrier| carrier.courier(every)).collect()
    }

    /// Enters new hooks where a carrier has a portal for that.
    ///
    /// # Errors
    /// A portal refuses one.
    pub fn register(&self, hooks: &[MadeHook]) -> Outcome<()> {
        for hook in hooks {
            let of_it = self.carriers.iter().filter(|carrier| carrier.which() == hook.carrier);
            for carrier in of_it {
                carrier.register_hook(&hook.address, &hook.key)?;
            }
        }
        Ok(())
    }

    /// The pairings, by name.
    #[must_use]
    pub fn names(&self) -> Vec<Name> {
        self.pairings.iter().map(|pairing| pairing.name()).collect()
    }

    /// The systems in words: the ERPs, then the carriers.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words: Vec<&str> = Vec::new();
        let carriers = self.carriers.iter().map(|carrier| carrier.which().words());
        for word in self.names().into_iter().map(Name::erp).chain(carriers) {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        listed(&words)
    }

    /// Where each answers, by its name.
    #[must_use]
    pub fn urls(&self) -> BTreeMap<String, String> {
        let erps = self.pairings.iter();
        let erps = erps.map(|pairing| (pairing.name().installation(), pairing.url()));
        let carriers = self
            .carriers
            .iter()
            .map(|carrier| (carrier.which().system(), carrier.url()));
        let all = erps.chain(carriers);
        all.map(|(name, url)| (name.to_owned(), url.to_owned())).collect()
    }

    /// The credentials of each, by its name.
    #[must_use]
    pub fn secrets(&self) -> Vec<(&'static str, Value)> {
        let erps = self.pairings.iter();
        let carriers = self.carriers.iter().map(|carrier| carrier.which());
        erps.map(|pairing| (pairing.name().installation(), pairing.secret()))
            .chain(carriers.map(|carrier| (carrier.system(), carrier.secret())))
            .collect()
    }

    /// Stops all of them.
    pub async fn stop(self) {
        for pairing in self.pairings {
            pairing.end().stop().await;
        }
        for carrier in self.carriers {
            carrier.stop().await;
        }
    }
}

/// The books of a pairing's carrier; of one that does not run they are empty.
fn of(carriers: &BTreeMap<Carrier, Books>, name: Name) -> &Books {
    static NONE: Books = Books { shipments: Vec::new() };
    carriers.get(&name.carrier()).unwrap_or(&NONE)
}

fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No simulator runs that nobody needs, and each has an address and credentials of its own.
    #[tokio::test]
    async fn only_the_carriers_of_the_pairings_run() {
        let outside = Outside::start(0, 0, &[Name::NetSuiteFedEx]).await.unwrap();
        assert_eq!(outside.words(), "NetSuite and FedEx");
        assert_eq!(
            outside.urls().into_keys().collect::<Vec<_>>(),
            ["fedex", "netsuite-fedex"]
        );
        outside.stop().await;

        let outside = Outside::start(0, 0, &Name::ALL).await.unwrap();
        assert_eq!(
            outside.words(),
            "NetSuite, Fusion, PeopleSoft, UPS, FedEx and ShipStation"
        );
        assert_eq!(outside.urls().len(), 8);
        let named: BTreeSet<&str> = outside.secrets().into_iter().map(|(name, _)| name).collect();
        assert_eq!(named.len(), 8);
        assert!(outside.is_settled() && outside.astray().is_empty());
        outside.stop().await;
    }
}
