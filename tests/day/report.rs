//! What a day came to, in numbers.

use std::collections::BTreeMap;
use std::fmt;

use jiff::SignedDuration;
use waybill::job::Job;

/// What a day came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// The seed that brings the same day again.
    pub(crate) seed: u64,
    /// Orders that people entered.
    pub(crate) orders: u64,
    /// Orders that shipped, once each.
    pub(crate) shipped: u64,
    /// Orders that ended without a shipment.
    pub(crate) closed: u64,
    /// Orders that are held, by the reason.
    pub(crate) held: BTreeMap<String, u64>,
    /// Orders that are held although nothing is wrong with them: a person would have to release them.
    pub(crate) held_for_nothing: u64,
    /// Messages that workers took.
    pub(crate) messages: u64,
    /// Messages that were lost.
    pub(crate) lost: u64,
    /// Messages that came twice.
    pub(crate) duplicated: u64,
    /// Workers that died.
    pub(crate) deaths: u64,
    /// Jobs that the sweeper queued again.
    pub(crate) requeued: u64,
    /// Polls, and those that could not go to their end.
    pub(crate) polls: u64,
    /// Polls that stopped early.
    pub(crate) polls_stopped: u64,
    /// How often work was put off.
    pub(crate) retries: u64,
    /// Why, most frequent words first.
    pub(crate) reasons: BTreeMap<String, u64>,
    /// Purchases of the outage of which nobody knew what became of them.
    pub(crate) unknown: usize,
    /// The same of the hour in which the carrier lost purchases and answered everything else.
    pub(crate) unknown_in_brownout: usize,
    /// Calls at the carrier until the outage, until its end, and until the brown-out and its end.
    pub(crate) ups_calls_by_phase: Vec<u64>,
    /// Token requests at the carrier.
    pub(crate) ups_tokens: u64,
    /// The most of one client in any 24 hours.
    pub(crate) tokens_in_a_day: usize,
    /// Token requests at the ERPs.
    pub(crate) netsuite_tokens: u64,
    /// Calls at the carrier.
    pub(crate) ups_calls: u64,
    /// Calls that an ERP refused because it was full.
    pub(crate) refused_for_concurrency: u64,
    /// When it was over.
    pub(crate) ended: SignedDuration,
    tenants: Vec<String>,
    waits: BTreeMap<usize, (SignedDuration, SignedDuration)>,
}

impl Report {
    /// Nothing yet.
    pub(crate) fn new(seed: u64, tenants: impl Iterator<Item = String>) -> Self {
        Self {
            seed,
            tenants: tenants.collect(),
            ..Self::default()
        }
    }

    /// Counts an entry of a job's story.
    pub(crate) fn count(&mut self, text: &str) {
        let put_off = text.starts_with("waits: ") || text.contains("was not sent: ");
        if put_off {
            self.retries += 1;
            let reason = text.split_once(": ").map_or(text, |(_, reason)| reason);
            let words: Vec<&str> = reason.split(' ').take(6).collect();
            *self.reasons.entry(words.join(" ")).or_default() += 1;
        }
    }

    /// Notes how long an order took, and whether it was entered during the flood.
    pub(crate) fn note_wait(&mut self, tenant: usize, waited: SignedDuration, flood: bool) {
        let longest = self.waits.entry(tenant).or_default();
        longest.0 = longest.0.max(waited);
        if flood {
            longest.1 = longest.1.max(waited);
        }
    }

    /// Notes a hold; people deserved it by a bad address, or by cancelling what had its label.
    pub(crate) fn hold(&mut self, job: &Job, deserved: bool) {
        let reason = job.hold.as_ref().map(|hold| format!("{:?}", hold.reason));
        *self.held.entry(reason.unwrap_or_default()).or_default() += 1;
        self.held_for_nothing += u64::from(!deserved);
    }

    /// The longest wait of a tenant's order that was entered during the flood, well before the outage.
    pub(crate) fn longest_in_flood(&self, tenant: usize) -> SignedDuration {
        self.waits.get(&tenant).map(|longest| longest.1).unwrap_or_default()
    }

    /// Calls at the carrier while it was away.
    pub(crate) fn calls_in_the_outage(&self) -> u64 {
        let at = |phase: usize| self.ups_calls_by_phase.get(phase).copied().unwrap_or_default();
        at(1).saturating_sub(at(0))
    }

    /// The longest wait of a tenant's order.
    pub(crate) fn longest(&self, tenant: usize) -> SignedDuration {
        self.waits.get(&tenant).map(|longest| longest.0).unwrap_or_default()
    }
}

fn minutes(duration: SignedDuration) -> String {
    format!("{} min", duration.as_mins())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "a day of seed {} (WAYBILL_DAY_SEED={0})", self.seed)?;
        writeln!(f, "  orders                     {}", self.orders)?;
        writeln!(f, "  shipped / closed           {} / {}", self.shipped, self.closed)?;
        writeln!(
            f,
            "  held                       {:?}, {} of them for nothing",
            self.held, self.held_for_nothing
        )?;
        writeln!(f, "  over after                 {} h", self.ended.as_hours())?;
        writeln!(
            f,
            "  messages                   {} ({} lost, {} twice)",
            self.messages, self.lost, self.duplicated
        )?;
        writeln!(f, "  requeued by the sweeper    {}", self.requeued)?;
        writeln!(f, "  workers died               {}", self.deaths)?;
        writeln!(
            f,
            "  polls                      {} ({} stopped early)",
            self.polls, self.polls_stopped
        )?;
        writeln!(f, "  unknown purchases (outage) {}", self.unknown)?;
        writeln!(f, "  unknown purchases (brown-out of 1 h) {}", self.unknown_in_brownout)?;
        writeln!(f, "  calls at UPS in the outage {}", self.calls_in_the_outage())?;
        let tokens = (self.ups_tokens, self.tokens_in_a_day, self.netsuite_tokens);
        writeln!(
            f,
            "  token requests             UPS {} (at most {} of a client in 24 h), NetSuite {}",
            tokens.0, tokens.1, tokens.2
        )?;
        writeln!(f, "  calls at UPS               {}", self.ups_calls)?;
        writeln!(f, "  refused, ERP full          {}", self.refused_for_concurrency)?;
        writeln!(f, "  retries                    {}", self.retries)?;
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (reason, count) in reasons.into_iter().take(8) {
            writeln!(f, "    {count:>8}  {reason} ...")?;
        }
        writeln!(f, "  longest wait               in the flood / of the day")?;
        for (number, name) in self.tenants.iter().enumerate() {
            let (flood, day) = (minutes(self.longest_in_flood(number)), minutes(self.longest(number)));
            writeln!(f, "    {name:<12} {flood:>10} / {day}")?;
        }
        Ok(())
    }
}
