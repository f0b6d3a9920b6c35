//! By what a despatch is known: a document under its id, one under each of its tracking numbers. The first name under which a
//! parcel was told of is its own document, which says to which unit it belongs, or holds its parked job; all other names lead
//! there.

use super::Intake;
use crate::domain::{ConnectionId, Despatch, DocumentId, DocumentKind, JobId, PassedOn, Quantities, Units};
use crate::ports::StoreError;

/// What is known of a despatch.
pub(super) struct Known {
    /// The document under its id.
    own: Units,
    /// Those under its tracking numbers.
    parcels: Vec<Units>,
    /// The document under which it was first told of, where it was told of before.
    first: Option<Units>,
}

/// The document that a name leads to, where it is not the despatch's own.
fn leads_to(units: &Units) -> Option<&DocumentId> {
    let passed = units.passed_to().map(|passed| &passed.document);
    passed.filter(|document| document.kind == DocumentKind::Despatch)
}

/// All despatches that a name leads to, the one that got it last first: orders that travel together share a number.
fn leads_to_any(units: &Units) -> impl Iterator<Item = &DocumentId> {
    let documents = units.passed_on.iter().rev().map(|passed| &passed.document);
    documents.filter(|document| document.kind == DocumentKind::Despatch)
}

/// The unit of an order that a despatch became.
fn unit_of(units: &Units) -> Option<&PassedOn> {
    units
        .passed_to()
        .filter(|passed| passed.document.kind != DocumentKind::Despatch)
}

impl Known {
    /// The document under its id.
    pub(super) fn own(&self) -> &Units {
        &self.own
    }

    /// Its job, if it is one: the order's, or the parked one.
    pub(super) fn job(&self, connection: &ConnectionId) -> Option<JobId> {
        let first = self.first.as_ref()?;
        let order = unit_of(first).map(|passed| JobId::of(connection, &passed.document, passed.unit));
        order.or_else(|| Some(first.units.last()?.job.clone()))
    }

    /// The order's job and what is known of the order, once it is one.
    pub(super) fn admitted(&self, connection: &ConnectionId) -> Option<(String, JobId)> {
        let passed = unit_of(self.first.as_ref()?)?;
        let job = JobId::of(connection, &passed.document, passed.unit);
        Some((passed.document.to_string(), job))
    }

    /// All its names, once it is a unit of an order.
    pub(super) fn naming(&self, unit: PassedOn) -> Vec<Units> {
        let mut own = self.own.passing_on(unit);
        own.version += 1;
        std::iter::once(own).chain(self.naming_parcels()).collect()
    }

    /// The names of its parcels, as far as they do not lead to it yet.
    pub(super) fn naming_parcels(&self) -> Vec<Units> {
        let elsewhere = self
            .parcels
            .iter()
            .filter(|parcel| leads_to(parcel) != Some(&self.own.document));
        elsewhere.map(|parcel| leading_to(parcel, &self.own.document)).collect()
    }
}

/// A name that leads to a despatch's own document.
fn leading_to(name: &Units, document: &DocumentId) -> Units {
    let mut changed = name.clone();
    changed.passed_on.retain(|passed| passed.document != *document);
    changed.passed_on.push(PassedOn {
        document: document.clone(),
        unit: 0,
        quantities: Quantities::new(),
    });
    changed.version += 1;
    changed
}

impl Intake<'_> {
    /// What is known of a despatch, by its id or by a parcel.
    pub(super) async fn known(&self, despatch: &Despatch) -> Result<Known, StoreError> {
        let names: Vec<DocumentId> = std::iter::once(despatch.document()).chain(despatch.parcels()).collect();
        let mut units = self.documents.units(&self.connection.id, &names).await?.into_iter();
        let own = units
            .next()
            .unwrap_or_else(|| Units::none(despatch.document(), despatch.order.name()));
        let parcels: Vec<Units> = units.collect();
        let first = self.first_told(despatch, &own, &parcels).await?;
        Ok(Known { own, parcels, first })
    }

    async fn first_told(
        &self,
        despatch: &Despatch,
        own: &Units,
        parcels: &[Units],
    ) -> Result<Option<Units>, StoreError> {
        if own.version > 0 {
            return match leads_to(own) {
                Some(first) => self.stored(first).await,
                None => Ok(Some(own.clone())),
            };
        }
        let all = parcels.iter().flat_map(leads_to_any);
        for first in all {
            let Some(first) = self.stored(first).await? else {
                continue;
            };
            if self.is_the_same(despatch, &first).await? {
                return Ok(Some(first));
            }
        }
        Ok(None)
    }

    async fn stored(&self, document: &DocumentId) -> Result<Option<Units>, StoreError> {
        let units = self
            .documents
            .units(&self.connection.id, std::slice::from_ref(document))
            .await?;
        Ok(units.into_iter().find(|units| units.version > 0))
    }

    /// Whether a shared tracking number means one parcel told of in two kinds of words. Carriers give numbers again after some
    /// months, and orders that travel together share one.
    async fn is_the_same(&self, despatch: &Despatch, first: &Units) -> Result<bool, StoreError> {
        let kind = first.document.id.split_once(':').map_or("", |(kind, _)| kind);
        if kind == despatch.id.kind() {
            return Ok(false);
        }
        let known = Known {
            own: first.clone(),
            parcels: Vec::new(),
            first: Some(first.clone()),
        };
        let Some(job) = known.job(&self.connection.id) else {
            return Ok(false);
        };
        let job = self.jobs.load(&job).await?;
        let order = job.and_then(|job| job.at_desk).map(|desk| desk.order.id);
        Ok(order.as_ref() == Some(&despatch.order.id))
    }

    /// Remembers under which other id a parcel was told of, so that the next time needs one look less.
    pub(super) async fn note_another_name(&self, known: &Known) -> Result<(), StoreError> {
        let Some(first) = known.first.as_ref().filter(|_| known.own.version == 0) else {
            return Ok(());
        };
        // Whoever was faster has noted the same.
        let note = leading_to(&Units::none(known.own.document.clone(), ""), &first.document);
        self.documents.restate(&self.connection.id, &note).await.map(|_| ())
    }
}
