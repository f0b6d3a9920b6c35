//! Opens labels for whoever holds a link to them, and makes the links.
//!
//! A carrier's own address of a label ends within a day; a link of ours lasts as long as the connection says. It is a sealed
//! pass ([`LabelPass`]): nothing is stored for it, and the bucket stays closed, because each opening leads to an address of
//! the label store that lives for minutes. What ends a link early is the job: its links are revoked, its shipment is void or
//! its personal data is erased. Whatever keeps a link from opening, the answer is the same, so that nobody learns from it
//! which jobs there are.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::remembered::Remembered;
use crate::domain::{LabelFormat, LabelKeys, LabelPass, LabelRef};
use crate::job::Job;
use crate::ports::{Clock, Handing, Jobs, LabelDoor, LabelLinks, Secrets, StoreError};

/// For how long links may still be sealed with a key after another has taken its place: longer than a process believes what it read.
/// Before a key is ended so much time must have passed, so that no link is made with a key that was ended.
pub const SEALS_ON: Duration = Duration::from_secs(65);

/// How long the label store's address lives: a browser follows it at once.
const MOMENT: Duration = Duration::from_secs(300);

/// What is answered to a link that does not open, whyever.
const NOTHING: &str = "<p>This link to a shipping label does not open. It has ended or was replaced, or it was not copied \
                       whole.</p>\n<p>Ask whoever runs Waybill for a new one: <code>waybill order explain NUMBER</code> finds \
                       the order's job, and <code>waybill job label JOB --link</code> prints a link.</p>";

/// What is answered while nobody can say whether a link opens.
const AGAIN: &str = "<p>The label cannot be opened at the moment. Try again in a minute.</p>";

// ---- making links ------------------------------------------------------------------------------------------------

/// The keys of label links, and where they lie.
#[derive(Clone)]
pub struct Keyring {
    /// Secrets.
    pub secrets: Arc<dyn Secrets>,
    /// The name of the one that holds the keys.
    pub name: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Keys that were read lately, by the name of the secret.
    pub read: Remembered<LabelKeys>,
}

impl Keyring {
    /// The keys, as they were read within the last minute or stand now.
    async fn keys(&self) -> Result<LabelKeys, StoreError> {
        match self.read.believed(&self.name, self.clock.now()) {
            Some(keys) => Ok(keys),
            None => self.read_again().await,
        }
    }

    async fn read_again(&self) -> Result<LabelKeys, StoreError> {
        let body = self.secrets.read(&self.name).await?;
        let Some(keys) = body.as_ref().and_then(LabelKeys::read) else {
            return Err(StoreError(format!(
                "the secret {:?} holds no keys of label links: `waybill label rotate-key` makes one",
                self.name
            )));
        };
        self.read.put(&self.name, keys.clone(), self.clock.now());
        Ok(keys)
    }

    /// The pass that a token is. Before anybody is turned away by keys that were read a while ago, they are read again: they may
    /// have been rotated.
    async fn pass(&self, token: &SecretString) -> Result<Option<LabelPass>, StoreError> {
        let known = LabelPass::read(token.expose_secret(), &self.keys().await?);
        if known.is_some() || self.read.fresh(&self.name, self.clock.now()).is_some() {
            return Ok(known);
        }
        Ok(LabelPass::read(token.expose_secret(), &self.read_again().await?))
    }
}

/// Links that are sealed passes beneath the address of the API.
#[derive(Clone)]
pub struct SealedLinks {
    /// The address of the HTTP API, as people reach it.
    pub api: Option<String>,
    /// What seals.
    pub keyring: Keyring,
}

#[async_trait]
impl LabelLinks for SealedLinks {
    async fn link(&self, job: &Job, until: Timestamp) -> Result<Option<String>, StoreError> {
        let Some(api) = self.api.as_deref().filter(|_| !job.shown_labels().is_empty()) else {
            return Ok(None);
        };
        let pass = LabelPass {
            job: job.id.clone(),
            generation: job.label_generation,
            expires: until,
        };
        let token = pass.token(&self.keyring.keys().await?);
        Ok(Some(format!("{}/labels/{token}", api.trim_end_matches('/'))))
    }
}

/// Until when the link opens that is written into the ERP. Counted from the purchase, so that a write-back that is repeated
/// says the same.
pub fn good_until(job: &Job, days: u32) -> Timestamp {
    after(job.bought_at(), days)
}

/// So many days after a moment.
pub fn after(at: Timestamp, days: u32) -> Timestamp {
    at + SignedDuration::from_hours(24 * i64::from(days))
}

// ---- opening them ------------------------------------------------------------------------------------------------

/// The ports that opening needs.
#[derive(Clone)]
pub struct LabelLink {
    /// Jobs.
    pub jobs: Arc<dyn Jobs>,
    /// The label store's own addresses.
    pub door: Arc<dyn LabelDoor>,
    /// What links are sealed with.
    pub keyring: Keyring,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// A link that somebody follows.
#[derive(Debug)]
pub struct Followed {
    /// The pass, as it came. It is as good as the labels, and is not logged.
    pub token: SecretString,
    /// Which of the labels, counted from 1, as it came; `None` where the link names none.
    pub number: Option<String>,
}

/// Where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To this address, for a moment.
    Elsewhere(String),
    /// To a page.
    Page {
        /// The HTTP status.
        status: u16,
        /// The page, HTML without a script.
        html: String,
    },
}

impl LabelLink {
    /// Follows a link.
    pub async fn run(&self, followed: Followed) -> Answer {
        match self.answer(&followed).await {
            Ok(Some(answer)) => answer,
            Ok(None) => page(404, "No label here", NOTHING),
            Err(error) => {
                tracing::error!(%error, "a label link was not opened");
                page(503, "Try again", AGAIN)
            }
        }
    }

    async fn answer(&self, followed: &Followed) -> Result<Option<Answer>, StoreError> {
        let Some(job) = self.admitted(&followed.token).await? else {
            return Ok(None);
        };
        let chosen = followed.number.as_deref().map(str::parse::<usize>);
        let number = match (chosen, job.shown_labels()) {
            (None, [_, _, ..]) => return Ok(Some(choice(&job, &followed.token))),
            (None, _) => 1,
            (Some(Ok(number)), _) => number,
            (Some(Err(_)), _) => return Ok(None),
        };
        let index = number.checked_sub(1);
        let Some((index, label)) = index.and_then(|index| Some((index, job.shown_labels().get(index)?))) else {
            return Ok(None);
        };
        let address = self.door.open(label, &handing(&job, index, label), MOMENT).await?;
        tracing::info!(job = %job.id, parcel = number, "a label was opened by its link");
        Ok(Some(Answer::Elsewhere(address)))
    }

    /// The job, if the pass is one of ours and still opens it.
    async fn admitted(&self, token: &SecretString) -> Result<Option<Job>, StoreError> {
        let Some(pass) = self.keyring.pass(token).await? else {
            tracing::info!("a label link was not opened: it is none of ours");
            return Ok(None);
        };
        let job = self.jobs.load(&pass.job).await?;
        let opens = |job: &Job| pass.opens(job.label_generation, self.clock.now()) && !job.shown_labels().is_empty();
        let job = job.filter(opens);
        if job.is_none() {
            tracing::info!(job = %pass.job, "a label link was not opened: it has ended, or there is nothing to open");
        }
        Ok(job)
    }
}

/// What browsers know is shown, what printers know is saved.
fn handing(job: &Job, index: usize, label: &LabelRef) -> Handing {
    let (content_type, how) = match label.format {
        LabelFormat::Pdf => ("application/pdf", "inline"),
        LabelFormat::Png => ("image/png", "inline"),
        LabelFormat::Gif => ("image/gif", "inline"),
        LabelFormat::Zpl | LabelFormat::Epl | LabelFormat::Spl => ("application/octet-stream", "attachment"),
    };
    Handing {
        content_type,
        disposition: format!("{how}; filename=\"{}\"", file_name(job, index, label)),
    }
}

/// The name of a label's file: the order's number and the parcel's, without anything that a file system could take for a path.
pub fn file_name(job: &Job, index: usize, label: &LabelRef) -> String {
    let part = label
        .tracking_number
        .clone()
        .unwrap_or_else(|| format!("papers-{}", index + 1));
    let name = format!("{}-{part}", job.number);
    let safe: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
        .collect();
    format!("{safe}.{}", label.format.extension())
}

/// A page with a link for each parcel and each paper.
fn choice(job: &Job, token: &SecretString) -> Answer {
    let numbered = (1..).zip(job.shown_labels());
    let items = numbered.map(|(number, label): (usize, &LabelRef)| {
        let what = match &label.tracking_number {
            Some(tracking) => format!("Label of parcel {tracking}"),
            None => "Papers".to_owned(),
        };
        let kind = label.format.extension().to_uppercase();
        // Relative to this page, whatever name the API is reached by.
        let address = format!("{}/{number}", token.expose_secret());
        format!(
            "<li><a href=\"{}\">{} ({kind})</a></li>",
            escaped(&address),
            escaped(&what)
        )
    });
    let items: Vec<String> = items.collect();
    let title = format!("Labels of {}", job.number);
    page(200, &title, &format!("<ul>\n{}\n</ul>", items.join("\n")))
}

fn page(status: u16, title: &str, content: &str) -> Answer {
    let title = escaped(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<meta name=\"robots\" content=\"noindex\">\n<title>{title}</title>\n</head>\n\
         <body>\n<h1>{title}</h1>\n{content}\n</body>\n</html>\n"
    );
    Answer::Page { status, html }
}

/// A text as HTML shows it, in an attribute too.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flows::remembered::BELIEVED;

    #[test]
    fn nobody_seals_with_a_key_for_longer_than_its_end_is_put_off() {
        assert!(SignedDuration::try_from(SEALS_ON).unwrap() > BELIEVED);
    }

    #[test]
    fn what_a_page_says_cannot_become_a_part_of_it() {
        assert_eq!(escaped(r#"<b a="1">'&"#), "&lt;b a=&quot;1&quot;&gt;&#39;&amp;");
        let Answer::Page { html, .. } = page(200, "Labels of <SO1>", "<p>fine</p>") else {
            panic!("a page is a page");
        };
        assert!(html.contains("<h1>Labels of &lt;SO1&gt;</h1>\n<p>fine</p>"), "{html}");
        assert!(!html.contains("script"), "{html}");
    }
}
