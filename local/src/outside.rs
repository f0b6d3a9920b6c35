//! The simulated outside systems, on the machine's clock.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use simulators::server::Base;
use simulators::ups;

use crate::books::{self, Told};
use crate::failure::{Outcome, While};
use crate::pairing::{self, Name, Pairing};

/// A simulated UPS and simulated ERPs that run.
pub struct Outside {
    /// The carrier.
    pub ups: ups::Running,
    /// The ERPs with their people.
    pub pairings: Vec<Box<dyn Pairing>>,
}

impl Outside {
    /// Starts UPS on this port (0 takes any free one), and the ERPs of these pairings.
    ///
    /// # Errors
    /// A port cannot be listened on, or no key can be made.
    pub async fn start(ups_port: u16, names: &[Name]) -> Outcome<Self> {
        let ups = ups::Ups::start(ups::Options::default(), Base::default(), ups_port).await;
        let ups = ups.doing("starting the simulated UPS")?;
        let mut pairings = Vec::new();
        for name in names {
            pairings.push(pairing::start(*name).await?);
        }
        Ok(Self { ups, pairings })
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
            acted |= pairing.act(&self.ups.ups)?;
        }
        Ok(acted)
    }

    /// What the books of all sides say.
    #[must_use]
    pub fn told(&self, began: Timestamp) -> Vec<Told> {
        let carrier = self.ups.ups.read_books();
        let pairings = self.pairings.iter();
        pairings
            .map(|pairing| books::told(pairing.as_ref(), &carrier, began))
            .collect()
    }

    /// Pairings that have shipped what another carrier brings.
    #[must_use]
    pub fn astray(&self) -> Vec<Name> {
        let carrier = self.ups.ups.read_books();
        let astray = self
            .pairings
            .iter()
            .filter(|pairing| pairing::shipped(pairing.name(), &pairing.of_other_carriers(), &carrier) > 0);
        astray.map(|pairing| pairing.name()).collect()
    }

    /// The pairings, by name.
    #[must_use]
    pub fn names(&self) -> Vec<Name> {
        self.pairings.iter().map(|pairing| pairing.name()).collect()
    }

    /// The systems in words: the ERPs, then UPS.
    #[must_use]
    pub fn words(&self) -> String {
        let erps: Vec<&str> = self.names().into_iter().map(Name::erp).collect();
        format!("{} and UPS", erps.join(", "))
    }

    /// Where each answers, by its name.
    #[must_use]
    pub fn urls(&self) -> BTreeMap<String, String> {
        let pairings = self.pairings.iter();
        let mut urls: BTreeMap<String, String> = pairings
            .map(|pairing| (pairing.name().system().to_owned(), pairing.url().to_owned()))
            .collect();
        urls.insert("ups".to_owned(), self.ups.url.clone());
        urls
    }

    /// The credentials of each, by the system's name.
    #[must_use]
    pub fn secrets(&self) -> Vec<(&'static str, Value)> {
        let ups = json!({ "client_id": "ups-client", "client_secret": "ups-secret" });
        let erps = self.pairings.iter();
        erps.map(|pairing| (pairing.name().system(), pairing.secret()))
            .chain([("ups", ups)])
            .collect()
    }

    /// Stops all of them.
    pub async fn stop(self) {
        for pairing in self.pairings {
            pairing.end().stop().await;
        }
        self.ups.serving.stop().await;
    }
}
