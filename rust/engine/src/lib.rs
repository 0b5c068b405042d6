//! The runlake engine: journal, sealing and recovery of metric time series.
