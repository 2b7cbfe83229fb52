//! Operators' commands: sent into their company's lane, answered after commit.

pub mod register_client_profile;
