//! The trade's own words, free of any vendor: what an order asks for, what a parcel is, what a carrier sold.
//!
//! Pure values and pure functions. Nothing here knows a system, a store or the time.

mod account;
mod address;
mod consignment;
mod customer;
mod despatch;
mod health;
mod ids;
mod label_pass;
mod measure;
mod money;
mod order;
mod packing;
mod personal;
mod rate;
mod rating;
mod reconciliation;
mod round;
mod shipment;
mod stock;
mod tracked;
mod tracking;
mod turn;
mod units;
mod zone;

pub use account::{AccountRule, NoAccount, account_for, account_of, is_same_name};
pub use address::{Address, AddressVerdict, Correction};
pub use consignment::{Consignment, ConsignmentLine, Gone, Snapshot};
pub use customer::{Customer, CustomerFields, DeskOrder, DeskOrderLine, ToldGoods, ToldLine};
pub use despatch::{DeskOrderRef, Despatch, DespatchLine, DespatchStanding};
pub use health::{Asking, Entrance, Health, Lesson, Outage, Readiness, Trouble};
pub use ids::{
    CarrierShipmentId, ConnectionId, ContentHash, DespatchId, DocumentId, DocumentKind, IdError, JobId, LineId,
    LocationId, Nonce, TenantId,
};
pub use label_pass::{LabelKeys, LabelPass};
pub use measure::{Dimensions, LARGEST_NUMBER, Length, Weight, WeightUnit};
pub use money::Money;
pub use order::{Order, OrderLine, Origin, ShipMethod, Standing, Supplier};
pub use packing::{PackageType, Packing, PackingError, Parcel, ParcelContent, ParcelRule};
pub use personal::{ERASED, Personal};
pub use rate::{Rate, Window};
pub use rating::{Choice, NoOffer, Offer, Quote, RateRequest, ServicePolicy};
pub use reconciliation::{
    Earlier, Gap, GapKind, ListEntry, Listed, Reconciliation, Run, Stage, Stretch, Suspect, Tally, Walk,
};
pub use round::{Grip, Round};
pub use shipment::{
    Billing, CarrierAccount, Customs, LabelFormat, LabelImage, LabelRef, Payer, Refusal, Shipment, ShipmentRequest,
    ShippedParcel,
};
pub use stock::{Doubt, Level, LevelKey, SentLevel, ShownAnew, StockRun, Unplaced};
pub use tracked::{Cadence, Cover, Ending, Minded, Pace, ParcelKey, Telling, TrackedParcel};
pub use tracking::{CarrierCode, DeliveryStatus, Estimate, Meaning, Milestone, Progress, Spot, TrackingEvent, fold};
pub use turn::Holding;
pub use units::{Allotment, PassedOn, Quantities, Unit, UnitPhase, Units};
pub use zone::{earliest, wall_time};
