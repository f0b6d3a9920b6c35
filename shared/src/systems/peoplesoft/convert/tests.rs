//! Rows to orders.
