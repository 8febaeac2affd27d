//! Several owners at the same time, by handlers in this process on real services, under injected faults: what each has and uses agrees
//! with a model, and nobody sees what others have.

mod contention;
mod faults;
mod model;
mod processes;
mod simulation;
mod steps;
