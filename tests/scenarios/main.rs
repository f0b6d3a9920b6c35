//! What users were promised, told as stories: real orders in a simulated NetSuite, real shipments in a simulated UPS, and
//! what happens between them, on a clock that the story turns.

#[cfg(test)]
mod addresses;
#[cfg(test)]
mod backlog;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod desk_customers;
#[cfg(test)]
mod desk_stock;
#[cfg(test)]
mod economy;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod fedex;
#[cfg(test)]
mod fedex_load;
#[cfg(test)]
mod fedex_tracking;
#[cfg(test)]
mod fusion;
#[cfg(test)]
mod given_up;
#[cfg(test)]
mod holds;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod label_links;
#[cfg(test)]
mod labels_given_once;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod many_at_once;
#[cfg(test)]
mod netsuite_fulfilments;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod parcel_units;
#[cfg(test)]
mod people;
#[cfg(test)]
mod peoplesoft;
#[cfg(test)]
mod polling;
#[cfg(test)]
mod reconciliation;
#[cfg(test)]
mod safety;
#[cfg(test)]
mod shipping;
#[cfg(test)]
mod shipstation;
#[cfg(test)]
mod shipstation_hooks;
#[cfg(test)]
mod shipstation_load;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod tracking;
#[cfg(test)]
mod unreadable;
#[cfg(test)]
mod webhooks;
