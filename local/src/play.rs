//! `cargo local simulators`: the simulated systems beside the kept stack, with orders that a person can play with.

use std::path::PathBuf;
use std::time::Duration;

use crate::failure::{Failure, Outcome, While};
use crate::ministack;
use crate::operator::Operator;
use crate::outside::Outside;
use crate::pairing::{Correction, Name, Pairing};
use crate::place::Place;
use crate::progress::Progress;
use crate::signals::Interrupts;
use crate::stack::Description;

/// Simulators that run, and the stack that ships their orders.
pub struct Play {
    outside: Outside,
    operator: Operator,
    orders: usize,
    couriers: Vec<tokio::task::JoinHandle<()>>,
}

impl Play {
    /// Starts all simulators, has `orders` documents entered, connects the kept stack to them and has it poll.
    ///
    /// # Errors
    /// No stack is kept, it knows the orders of other simulators, or something cannot be started or connected.
    pub async fn start(place: &Place, orders: usize, seed: u64, interrupts: &mut Interrupts) -> Outcome<Self> {
        if orders < Name::ALL.len() {
            return Err(Failure::new(format!(
                "--orders {orders} is too few for {} pairings",
                Name::ALL.len()
            )));
        }
        let mut description = fresh(place).await?;
        let operator = Operator::of(&waybill()?, &description);
        let mut outside = interrupts
            .unless(Outside::start(0, description.desk, &Name::ALL))
            .await?;
        outside.enter(orders, seed)?;
        description.simulators = outside.urls();
        description.write(place)?;
        let connect = async |_: &_| connect(place, &operator, &outside).await;
        let mut progress = Progress::default();
        let phase = format!("connecting {}", outside.words());
        interrupts.unless(progress.phase(&phase, connect)).await?;
        let couriers = outside.couriers(Duration::from_millis(500));
        Ok(Self {
            outside,
            operator,
            orders,
            couriers,
        })
    }

    /// Where the systems answer, and what a person may try.
    #[must_use]
    pub fn words(&self) -> String {
        let waybill = self.operator.binary().display();
        let pairings = &self.outside.pairings;
        let erps = pairings.iter().map(|pairing| (pairing.name().erp(), pairing.url()));
        let carriers = self.outside.carriers.iter();
        let carriers = carriers.map(|carrier| (carrier.which().words(), carrier.url()));
        let systems: Vec<(&str, &str)> = erps.chain(carriers.clone()).collect();
        let answers: Vec<String> = systems
            .iter()
            .map(|(name, url)| format!("{name} answers at {url}"))
            .collect();
        let answers = answers.join(", ");
        let books: String = systems
            .iter()
            .map(|(_, url)| format!("  curl -s {url}/_control/books\n"))
            .collect();
        let events: String = carriers
            .map(|(name, url)| {
                format!(
                    "  curl -s {url}/_control/events -H 'content-type: application/json' -d '{{\"number\":\"NUMBER OF \
                     {name}\",\"events\":[\"picked_up\"]}}'\n"
                )
            })
            .collect();
        let good = self.first_order().unwrap_or_default();
        let corrections: String = pairings
            .iter()
            .filter_map(|one| self.correction(one.as_ref()))
            .collect();
        format!(
            "{answers}; {} orders are entered and polled.\n\n\
             In another terminal:\n  \
             eval \"$(cargo local status | grep export)\"\n  \
             {waybill} job list\n  \
             {waybill} order explain {good}\n  \
             {waybill} tracking show {good}\n\
             {books}{events}\
             {corrections}\nCtrl-C stops the simulators and pauses the connections.\n",
            self.orders,
        )
    }

    /// The number of an order that ships without more ado.
    fn first_order(&self) -> Option<String> {
        let plain = |pairing: &dyn Pairing| {
            let document = pairing.plain().into_iter().next()?;
            let shown = pairing.shown().into_iter().find(|shown| shown.document == document)?;
            Some(shown.number)
        };
        self.outside.pairings.iter().find_map(|pairing| plain(pairing.as_ref()))
    }

    /// How a person puts right an order that is held.
    fn correction(&self, pairing: &dyn Pairing) -> Option<String> {
        let Correction { number, held_for, act } = pairing.correction()?;
        let (erp, url) = (pairing.name().erp(), pairing.url());
        let waybill = self.operator.binary().display();
        Some(format!(
            "\nIn {erp}, {number} is held for {held_for}; put it right and see it ship within a minute:\n  \
             {waybill} order explain {number}\n  \
             curl -s {url}/_control/act -H 'content-type: application/json' \\\n    \
             -d '{act}'\n"
        ))
    }

    /// Pauses the connections, so that nobody calls what is gone, and stops all simulators.
    ///
    /// # Errors
    /// A connection cannot be paused; the simulators are stopped all the same.
    pub async fn stop(self) -> Outcome<()> {
        let paused = self.operator.pause(&self.outside.names()).await;
        self.couriers.iter().for_each(tokio::task::JoinHandle::abort);
        self.outside.stop().await;
        paused
    }
}

/// The kept stack, if it runs and no other simulators were connected to it: new ones number their orders from the start, and
/// the stack would take them for those that it has shipped.
async fn fresh(place: &Place) -> Outcome<Description> {
    let description = Description::read(place)?;
    let description = description.ok_or_else(|| Failure::new("no local stack runs; `cargo local up` starts one"))?;
    if !ministack::is_healthy(&description.endpoint).await {
        return Err(Failure::new(
            "the local stack has ended by itself; `cargo local up` starts another",
        ));
    }
    if !description.simulators.is_empty() {
        return Err(Failure::new(
            "simulators were connected to this stack before, and it knows their orders; `cargo local down`, then `cargo \
             local up` begins anew",
        ));
    }
    Ok(description)
}

/// The operator's command, which was built beside this program when the stack was.
fn waybill() -> Outcome<PathBuf> {
    let own = std::env::current_exe().doing("looking for waybill")?;
    Ok(own.with_file_name("waybill"))
}

async fn connect(place: &Place, operator: &Operator, outside: &Outside) -> Outcome<()> {
    let names = outside.names();
    operator.set_secrets(&outside.secrets()).await?;
    let hooks = operator.connect(place, &names, &outside.urls()).await?;
    outside.register(&hooks)?;
    operator.poll(&names).await
}
