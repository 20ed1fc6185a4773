//! Rehearsals: real releases of real processes on the local cloud, under real load.

pub mod load;
pub mod sample;
