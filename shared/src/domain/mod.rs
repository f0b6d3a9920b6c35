//! The trade's own words, free of any vendor: what an order asks for, what a parcel is, what a carrier sold.
//!
//! Pure values and pure functions. Nothing here knows a system, a store or the time.

mod address;
mod consignment;
mod ids;
mod measure;
mod money;
mod order;
mod packing;
mod personal;
mod rating;
mod shipment;
mod units;

pub use address::{Address, AddressVerdict, Correction};
pub use consignment::{Consignment, ConsignmentLine, Gone, Snapshot};
pub use ids::{
    CarrierShipmentId, ConnectionId, ContentHash, DocumentId, DocumentKind, IdError, JobId, LineId, LocationId, Nonce,
    TenantId,
};
pub use measure::{Dimensions, Length, Weight, WeightUnit};
pub use money::Money;
pub use order::{Order, OrderLine, ShipMethod, Standing};
pub use packing::{PackageType, Packing, PackingError, Parcel, ParcelContent, ParcelRule};
pub use personal::{ERASED, Personal};
pub use rating::{Choice, NoOffer, Offer, Quote, RateRequest, ServicePolicy};
pub use shipment::{
    Billing, Customs, LabelFormat, LabelImage, LabelRef, Payer, Refusal, Shipment, ShipmentRequest, ShippedParcel,
};
pub use units::{Allotment, Quantities, Unit, UnitPhase, Units};
