//! The flow, row by row and case by case. What is decided about one message is
//! told with a `Scene`; what follows later, with a `World`.

mod abuse;
mod another_number;
mod blocked;
mod closing;
mod consent;
mod failed_reminders;
mod follow_up;
mod histories;
mod late;
mod linking;
mod moving;
mod numbers;
mod operator;
mod profiles;
mod promoting;
mod reassigning;
mod reminders;
mod resending;
mod rooms;
mod rows;
mod special;
mod unhealthy_numbers;
mod wording;
