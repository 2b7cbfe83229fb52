//! WhatsApp says that a number can't send: it takes no new rooms.

use super::{Command, FollowUp, RoomInProfile, Settled, Told};
use crate::company::Line;
use crate::ids::{PhoneNumberId, PoolId};
use crate::outbound::{ErrorClass, SendError};
use crate::pool::PoolCommand;

impl FollowUp<'_> {
    /// The room's number can't send, if that is what the error says.
    pub(super) fn suspend(&self, room: RoomInProfile<'_>, error: &SendError) -> Option<Command> {
        self.suspend_number(&room.room.pool_id, &room.room.number, error)
    }

    /// The same for a reply that is about no room: it comes from the secondary that was written to.
    /// A primary is none of a pool's numbers and can't be taken out of service.
    pub(super) fn suspend_line(&self, told: &Told) -> Option<Command> {
        let (message, _) = self.request.message(told.message_id)?;
        let Settled::Failed(error) = self.newly_settled(&told.record)? else { return None };
        let (facts, _) = self.request.decided.as_ref()?;
        let Line::Secondary { pool, .. } = &facts.line else { return None };
        let number = Some(&message.from).filter(|it| **it == self.request.message.phone_number_id);
        self.suspend_number(pool, number?, &error)
    }

    /// A number that can't send takes no new rooms, until an operator says so.
    fn suspend_number(
        &self,
        pool_id: &PoolId,
        number: &PhoneNumberId,
        error: &SendError,
    ) -> Option<Command> {
        let (number, code) = (number.clone(), error.code);
        let suspend = PoolCommand::SuspendUnhealthy { number, at: self.at, code };
        let is_numbers_fault = error.class == ErrorClass::NumberUnhealthy;
        is_numbers_fault.then(|| Command::Pool(pool_id.clone(), suspend))
    }
}
