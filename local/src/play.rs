//! `cargo local simulators`: the simulated systems beside the kept stack, with orders that a person can play with.

use std::path::PathBuf;
use std::time::Duration;

use simulators::netsuite::demo::DemoKind;
use simulators::ups;

use crate::failure::{Failure, Outcome, While};
use crate::ministack;
use crate::operator::{CONNECTION, Operator};
use crate::outside::Outside;
use crate::people::{Entered, People};
use crate::place::Place;
use crate::progress::Progress;
use crate::signals::Interrupts;
use crate::stack::Description;

/// Simulators that run, and the stack that ships their orders.
pub struct Play {
    outside: Outside,
    operator: Operator,
    orders: Vec<Entered>,
    courier: tokio::task::JoinHandle<()>,
}

impl Play {
    /// Starts both simulators, enters `orders` orders, connects the kept stack to them and has it poll.
    ///
    /// # Errors
    /// No stack is kept, it knows the orders of other simulators, or something cannot be started or connected.
    pub async fn start(place: &Place, orders: usize, seed: u64, interrupts: &mut Interrupts) -> Outcome<Self> {
        let mut description = fresh(place).await?;
        let operator = Operator::of(&waybill()?, &description);
        let outside = interrupts.unless(Outside::start(0)).await?;
        let entered = People::enter_undisturbed(&outside, orders, seed)?.orders;
        description.simulators = outside.urls();
        description.write(place)?;
        let connect = async |_: &_| connect(place, &operator, &outside).await;
        let mut progress = Progress::default();
        interrupts
            .unless(progress.phase("connecting NetSuite and UPS", connect))
            .await?;
        let courier = tokio::spawn(ups::courier(outside.ups.ups.clone(), Duration::from_millis(500)));
        Ok(Self {
            outside,
            operator,
            orders: entered,
            courier,
        })
    }

    /// Where the systems answer, and what a person may try.
    #[must_use]
    pub fn words(&self) -> String {
        let (netsuite, ups) = (&self.outside.netsuite.url, &self.outside.ups.url);
        let waybill = self.operator.binary().display();
        let good = self.first(DemoKind::Good).map_or("SO10001", |order| &order.number);
        format!(
            "NetSuite answers at {netsuite}, UPS at {ups}; {} orders are entered and polled.\n\n\
             In another terminal:\n  \
             eval \"$(cargo local status | grep export)\"\n  \
             {waybill} job list\n  \
             {waybill} order explain {good}\n  \
             curl -s {netsuite}/_control/books\n  \
             curl -s {ups}/_control/books\n  \
             {waybill} tracking show {good}\n  \
             curl -s {ups}/_control/events -H 'content-type: application/json' -d '{{\"number\":\"1Z...\",\"events\":[\"picked_up\"]}}'\n\
             {}\nCtrl-C stops the simulators and pauses the connection.\n",
            self.orders.len(),
            self.correction().unwrap_or_default(),
        )
    }

    /// How a person puts right the address of an order that is held for it.
    fn correction(&self) -> Option<String> {
        let wrong = self.first(DemoKind::InvalidAddress)?;
        let address = serde_json::to_string(wrong.correction()?).ok()?;
        let (number, netsuite) = (&wrong.number, &self.outside.netsuite.url);
        let waybill = self.operator.binary().display();
        Some(format!(
            "Order {number} is held for its address; put it right and see it ship within a minute:\n  \
             {waybill} order explain {number}\n  \
             curl -s {netsuite}/_control/act -H 'content-type: application/json' \\\n    \
             -d '{{\"order\":\"{number}\",\"act\":\"edit_address\",\"address\":{address}}}'\n"
        ))
    }

    fn first(&self, kind: DemoKind) -> Option<&Entered> {
        self.orders.iter().find(|order| order.kind == kind)
    }

    /// Pauses the connection, so that nobody calls what is gone, and stops both simulators.
    ///
    /// # Errors
    /// The connection cannot be paused; the simulators are stopped all the same.
    pub async fn stop(self) -> Outcome<()> {
        let paused = self.operator.waybill(&["connection", "pause", CONNECTION]).await;
        self.courier.abort();
        self.outside.stop().await;
        paused.map(|_| ())
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
    for (system, body) in outside.secrets() {
        operator.set_secret(system, &body).await?;
    }
    operator.connect(place, &outside.urls()).await?;
    operator.poll().await
}
